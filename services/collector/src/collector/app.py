"""The wiring: pure parts, sink and HTTP become one application."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from collector import cross_origin
from collector.access import Door
from collector.browser_script import read_shelf
from collector.client_address import ClientAddresses
from collector.event_ids import EventIds
from collector.intake import Intake
from collector.metrics import Metrics
from collector.partitions import Partitioner
from collector.payload.timestamps import Window
from collector.rate_limits import RateLimiter
from collector.routes import collect, documentation, errors, script
from collector.settings import CollectorSettings
from collector.sinks import Sink
from collector.sinks.spool import SpoolSink
from collector.trusted_proxies import parse_networks
from eventrail import __version__, api_docs
from eventrail import metrics as shared_metrics
from eventrail.clock import Clock
from eventrail.health import OK, Check, Health
from eventrail.sealing import AddressSealer
from eventrail.tracing import Traces
from eventrail.websites import Websites
from eventrail.websites.watching import WebsitesFile


class Application(FastAPI):
    """FastAPI with a short way: its routing costs more than all the work on an event."""

    hot: collect.Collect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        origin = cross_origin.origin_of(scope["headers"])
        if origin is not None and path not in cross_origin.PRIVATE and not path.startswith(script.PREFIX):
            send = cross_origin.mirroring(send, origin)
        if method == "POST" and path in collect.PATHS:
            await self.hot(scope, receive, send)
        elif method == "OPTIONS" and (path in collect.PATHS or cross_origin.is_preflight(scope)):
            await cross_origin.answer_options(scope, send)
        else:
            await super().__call__(scope, receive, send)


def make_intake(
    secret: bytes,
    address_keys: dict[str, bytes],
    settings: CollectorSettings,
    event_ids: EventIds | None = None,
    websites: Websites | None = None,
) -> Intake:
    """The intake of one process; `secret` and the keys have 32 bytes each. Without `websites` it is open to all."""
    window = Window(settings.max_ahead * 1000, settings.max_back * 1000)
    door = Door(websites, settings.privacy_signals)
    return Intake(Partitioner(secret), AddressSealer(address_keys), event_ids or EventIds(), window, door)


def make_app(
    settings: CollectorSettings,
    intake: Intake,
    sink: Sink,
    health: Health,
    metrics: Metrics,
    clock: Clock,
    traces: Traces | None = None,
) -> Application:
    """The collector as an ASGI application; it neither opens nor closes `sink` and `traces`."""
    app = Application(
        title="Eventrail collector",
        version=__version__,
        summary="Takes events from trackers and servers.",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    api_docs.install(app)
    addresses = ClientAddresses(parse_networks(settings.trusted_proxies), settings.forwarded_header)
    limiter = RateLimiter(settings.rate_limits(), settings.rate_buckets)
    metrics.watch_limits(limiter)
    app.hot = collect.Collect(intake, sink, clock, metrics, settings, addresses, limiter, traces)
    app.router.routes.extend(Route(path, app.hot, methods=["POST"]) for path in collect.PATHS)
    app.router.routes.extend(
        script.Script(read_shelf(Path(settings.script) if settings.script else None)).routes()
    )
    app.router.routes.extend(health.routes())
    app.router.routes.append(shared_metrics.route(metrics.registry))
    documentation.install(app)
    errors.install(app)
    return app


def make_health(
    sink: Sink,
    topic_fault: Callable[[], str | None],
    websites: WebsitesFile | None = None,
    spool: SpoolSink | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Health:
    """Ready while it can answer, be it with 503; only a missing or wrong topic, or its end, makes it not ready."""

    async def kafka() -> str:
        return sink.trouble() or OK

    async def topics() -> str:
        return topic_fault() or OK

    checks: dict[str, Check] = {"kafka": kafka, "topics": topics}
    if websites is not None:
        checks["websites"] = websites.check
    if spool is not None:
        checks["spool"] = spool.check
    return Health(checks, required=frozenset({"topics"}), stopping=stopping)
