"""Each request below /api/ is let in here, or refused before anything is read or asked: its key, and the key's limits.

What it may do, it learns from the routes, which ask the Access that this room leaves in the ASGI scope.
"""

from typing import Final

from prometheus_client import Counter
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventrail.clock import Clock
from eventrail.rate_limits import fields
from query_api import problems
from query_api.access import Access, Door, Key
from query_api.errors import Limited, Refused
from query_api.key_limits import KeyLimits

PREFIX: Final = "/api/"
_ACCESS: Final = "eventrail.access"


def access_of(request: Request) -> Access:
    """What `request` may do. Fails where it did not come through `Admission`."""
    access: Access = request.scope[_ACCESS]
    return access


class Admission:
    """ASGI middleware. A request counts as running until the application is done with it, its last byte included."""

    def __init__(self, app: ASGIApp, door: Door, limits: KeyLimits, clock: Clock, refused: Counter) -> None:
        self._app = app
        self._door = door
        self._limits = limits
        self._clock = clock
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        try:
            access = self._door.access(
                [value for name, value in scope["headers"] if name == b"authorization"]
            )
        except Refused as error:
            await self._refuse(error, scope, receive, send)
            return
        # Not a copy of the scope: the room around this one reads the route that the router finds.
        scope[_ACCESS] = access
        if access.key is None:
            await self._app(scope, receive, send)
        else:
            await self._limited(access.key, scope, receive, send)

    async def _limited(self, key: Key, scope: Scope, receive: Receive, send: Send) -> None:
        telling = self._telling(key, send)
        try:
            self._limits.begin(key.digest, self._clock.monotonic())
        except Limited as error:
            await self._refuse(error, scope, receive, telling)
            return
        try:
            await self._app(scope, receive, telling)
        finally:
            self._limits.end(key.digest)

    async def _refuse(self, error: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        self._refused.labels(problems.refusal_code(error)).inc()
        await problems.refusal(error)(scope, receive, send)

    def _telling(self, key: Key, send: Send) -> Send:
        """`send`, with the standing of `key` in the headers of the answer."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                standings = self._limits.standings(key.digest, self._clock.monotonic())
                message["headers"] = [*message.get("headers", ()), *fields.headers(standings)]
            await send(message)

        return told
