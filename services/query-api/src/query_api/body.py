"""The body of a request, never more of it than the limit."""

from typing import Final

from starlette.requests import Request

from query_api.errors import TooLarge

MAX_BYTES: Final = 102_400
"""As at the collector (spec section "Limits")."""


async def read(request: Request) -> bytes:
    """All bytes of the body. Raises TooLarge as soon as they are too many."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > MAX_BYTES:
            raise TooLarge(f"the body is larger than {MAX_BYTES:,} bytes")
    return bytes(found)
