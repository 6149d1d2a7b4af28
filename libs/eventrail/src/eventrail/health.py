"""Liveness and readiness over HTTP, the same in each service.

`/livez` answers 200 while the process can answer at all; it asks no backend, so that an outage of
Kafka or ClickHouse never makes Kubernetes restart what only has to wait. `/readyz` answers 200 or 503 with
`{"ready": bool, "checks": {name: "ok" or why not}}`.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from eventrail import metrics

OK = "ok"
Check = Callable[[], Awaitable[str]]
"""Asks one backend: returns "ok" or, in one line, why not. Must not raise and should answer within 2 s."""


FRESH_SECONDS = 1.0
"""How long a Cached check's answer is kept unless said otherwise."""


class Cached:
    """A check whose answer is kept for `fresh_seconds`; one question at a time, however many ask."""

    def __init__(
        self, check: Check, monotonic: Callable[[], float], fresh_seconds: float = FRESH_SECONDS
    ) -> None:
        self._check = check
        self._monotonic = monotonic
        self._fresh_seconds = fresh_seconds
        self._asked: asyncio.Task[str] | None = None
        self._answered_at = float("-inf")

    async def __call__(self) -> str:
        """The answer; a caller that gives up does not cancel the question for the others."""
        asked = self._asked
        if asked is None or (asked.done() and self._monotonic() - self._answered_at >= self._fresh_seconds):
            asked = self._asked = asyncio.create_task(self._ask())
        return await asyncio.shield(asked)

    async def _ask(self) -> str:
        try:
            return await self._check()
        finally:
            self._answered_at = self._monotonic()


@dataclass(frozen=True)
class Health:
    """Named checks; `required` are those without which the service is not ready.

    A check that is not required is still named in the body of `/readyz`. While `stopping` answers True, nothing
    is ready, so that load balancers send nobody here any more.
    """

    checks: Mapping[str, Check] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    timeout_seconds: float = 2.0
    stopping: Callable[[], bool] = lambda: False

    async def ask(self) -> tuple[bool, dict[str, str]]:
        """Run all checks side by side: (ready, answer by name)."""
        answers = await asyncio.gather(*(self._ask(check) for check in self.checks.values()))
        named = dict(zip(self.checks, answers, strict=True))
        if self.stopping():
            return False, {**named, "process": "it is stopping"}
        return all(named[name] == OK for name in self.required), named

    async def _ask(self, check: Check) -> str:
        try:
            return await asyncio.wait_for(check(), self.timeout_seconds)
        except TimeoutError:
            return f"no answer within {self.timeout_seconds:g} s"

    def routes(self) -> list[BaseRoute]:
        """`/livez` and `/readyz`, for any Starlette or FastAPI application."""

        async def livez(_request: Request) -> JSONResponse:
            return JSONResponse({"alive": True})

        async def readyz(_request: Request) -> JSONResponse:
            ready, answers = await self.ask()
            return JSONResponse({"ready": ready, "checks": answers}, status_code=200 if ready else 503)

        return [Route("/livez", livez), Route("/readyz", readyz)]


def side_door(health: Health, registry: CollectorRegistry) -> Starlette:
    """The whole HTTP face of a service that has no other: `/livez`, `/readyz`, `/metrics`."""
    routes: Sequence[BaseRoute] = [*health.routes(), metrics.route(registry)]
    return Starlette(routes=routes)


def split_listen(listen: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPV6]:PORT` as (host, port)."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def bind(listen: str) -> socket.socket:
    """A listening socket at `listen`; OSError says which address could not be bound."""
    host, port = split_listen(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen at {listen}: {error.strerror}") from None
    # Accepted connections inherit it. asyncio sets it only on sockets whose protocol number says TCP, and that of these
    # is 0: the body of each answer would then wait up to 40 ms for the client to acknowledge its head.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


class EmbeddedServer(uvicorn.Server):
    """uvicorn inside somebody else's event loop: it leaves the signals alone."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def serving(app: ASGIApp, listen: str, *, keep_alive_seconds: int = 5) -> AsyncIterator[None]:
    """Serve `app` at `listen` inside the running loop until the block ends and the running requests have ended.

    A connection that is idle for `keep_alive_seconds` is closed. Raises OSError when the address cannot be bound.
    """
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_keep_alive=keep_alive_seconds
    )
    server = EmbeddedServer(config)
    task = asyncio.create_task(server.serve(sockets=[bind(listen)]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
