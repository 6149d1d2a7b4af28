"""HEAD is answered like GET, without the body (RFC 9110 section 9.3.2)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

WAS_HEAD = "eventrail.head"
"""Stands in the scope of a HEAD, for endpoints whose answer has no end."""


class HeadAsGet:
    """ASGI middleware: the application sees GET, the client of a HEAD sees no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET", WAS_HEAD: True}, receive, without_body)
