"""The body of a request, never more of it than the limit."""

from typing import Final

from starlette.requests import ClientDisconnect, Request

from query_api.errors import ClientGone, TooLarge

MAX_BYTES: Final = 102_400
"""As at the collector (spec section "Limits")."""


async def read(request: Request, most: int = MAX_BYTES) -> bytes:
    """All bytes of the body. Raises TooLarge as soon as they are above `most`, ClientGone where they end too early."""
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > most:
                raise TooLarge(f"the body is larger than {most:,} bytes")
    except ClientDisconnect:
        raise ClientGone from None
    return bytes(found)


def is_announced(request: Request) -> bool:
    """Whether the headers say that a body follows (RFC 9112 section 6)."""
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"
