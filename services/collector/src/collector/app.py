"""The wiring: pure parts, sink and HTTP become one application."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from collector.event_ids import EventIds
from collector.intake import Intake
from collector.metrics import Metrics
from collector.partitions import Partitioner
from collector.payload.timestamps import Window
from collector.routes import collect, documentation, errors
from collector.settings import CollectorSettings
from collector.sinks import Sink
from eventrail import __version__, api_docs
from eventrail import metrics as shared_metrics
from eventrail.clock import Clock
from eventrail.health import OK, Health
from eventrail.sealing import AddressSealer


class Application(FastAPI):
    """FastAPI with a short way: its routing costs more than all the work on an event."""

    hot: collect.Collect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in collect.PATHS:
            await self.hot(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def make_intake(
    secret: bytes,
    address_keys: dict[str, bytes],
    settings: CollectorSettings,
    event_ids: EventIds | None = None,
) -> Intake:
    """The intake of one process; `secret` and the keys have 32 bytes each."""
    window = Window(settings.max_ahead * 1000, settings.max_back * 1000)
    return Intake(Partitioner(secret), AddressSealer(address_keys), event_ids or EventIds(), window)


def make_app(
    settings: CollectorSettings,
    intake: Intake,
    sink: Sink,
    health: Health,
    metrics: Metrics,
    clock: Clock,
) -> Application:
    """The collector as an ASGI application; it neither opens nor closes `sink`."""
    app = Application(
        title="Eventrail collector",
        version=__version__,
        summary="Takes events from trackers and servers.",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    api_docs.install(app)
    app.hot = collect.Collect(intake, sink, clock, metrics, settings)
    app.router.routes.extend(Route(path, app.hot, methods=["POST"]) for path in collect.PATHS)
    app.router.routes.extend(health.routes())
    app.router.routes.append(shared_metrics.route(metrics.registry))
    documentation.install(app)
    errors.install(app)
    return app


def make_health(sink: Sink, topic_fault: Callable[[], str | None]) -> Health:
    """Ready while it can answer, be it with 503; only a missing or wrong topic makes it not ready."""

    async def kafka() -> str:
        return sink.trouble() or OK

    async def topics() -> str:
        return topic_fault() or OK

    return Health({"kafka": kafka, "topics": topics}, required=frozenset({"topics"}))
