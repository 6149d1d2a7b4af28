"""Cross-origin requests (Fetch standard, section "CORS protocol"): pages of listed origins may read answers.

Access is by key in a header, never by cookies, so credentials mode is never allowed. An origin that is not listed
gets none of these headers, and its browser keeps the answer from the page. Its preflight is answered 403, as the
standard encourages for who does not take part. Its other requests are answered all the same: a page of the query API's
own origin sends `Origin` with each POST, and a program can write any.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventrail.websites import origins
from query_api import problems
from query_api.errors import shown

Origins = tuple[str, ...]
"""Allowed origins in canonical form."""

PRIVATE: Final = frozenset(("/metrics", "/livez", "/readyz"))
"""Paths for operators, which no page of another origin shall read."""

MAX_AGE_SECONDS: Final = 7200
"""The longest that Chromium keeps a preflight."""

METHODS: Final = b"GET, HEAD, POST"
REQUEST_HEADERS: Final = b"Authorization, Content-Type, Last-Event-ID"
EXPOSED: Final = (
    b"Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, "
    b"Eventrail-Cursor, Eventrail-Next-Cursor, Eventrail-Rows, Eventrail-Total-Rows"
)

_ASKS_FOR_METHOD: Final = b"access-control-request-method"
_VARY: Final = (b"vary", b"Origin")


def parse_origins(text: str) -> Origins:
    """Origins of a comma separated list. Raises ValueError that shows which one is wrong, and why."""
    return tuple(_origin(part.strip()) for part in text.split(",") if part.strip())


def _origin(text: str) -> str:
    if text.lower() == "null":
        # Any page can have it: a frame in a sandbox is enough.
        raise ValueError('"null" is the origin of any sandboxed page and cannot be allowed')
    try:
        return origins.canonical(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} {error}") from None


class CrossOrigin:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, allowed: Origins) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PRIVATE:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        allowed = origin is not None and origins.fits(origin.decode("latin-1"), self._allowed)
        answering = _sharing(send, origin if allowed else None)
        if origin is None or scope["method"] != "OPTIONS" or _ASKS_FOR_METHOD not in headers:
            await self._app(scope, receive, answering)
        elif allowed:
            await _let_in(answering)
        else:
            await _keep_out(origin, scope, receive, answering)


def _sharing(send: Send, origin: bytes | None) -> Send:
    """`send`, with the headers that let pages of `origin` read the answer; None lets none."""
    added = [_VARY]
    if origin is not None:
        added += [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED)]

    async def shared(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *added]
        await send(message)

    return shared


async def _let_in(send: Send) -> None:
    headers = [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", REQUEST_HEADERS),
        (b"access-control-max-age", str(MAX_AGE_SECONDS).encode()),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _keep_out(origin: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    message = (
        f"pages of {shown(origin.decode('latin-1'))} may not read answers here; "
        "EVENTRAIL_QUERY_API_CORS_ORIGINS lists those that may"
    )
    await problems.response(403, "origin_not_allowed", message)(scope, receive, send)
