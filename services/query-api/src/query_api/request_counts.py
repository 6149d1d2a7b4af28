"""Requests are counted by path template and status, so that no path of a client becomes a label."""

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHER = "other"


class RequestCounts:
    """ASGI middleware around everything else: adds 1 to `counter{route,status}` when an answer starts.

    `fixed` are paths that count under their own name although the router tells no template for them.
    """

    def __init__(self, app: ASGIApp, counter: Counter, fixed: frozenset[str]) -> None:
        self._app = app
        self._counter = counter
        self._fixed = fixed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counter.labels(self._template(scope), str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, counted)

    def _template(self, scope: Scope) -> str:
        if scope["path"] in self._fixed:
            return str(scope["path"])
        # The router puts the route that it found into the scope; there is none for an unknown path.
        return getattr(scope.get("route"), "path", OTHER)
