"""The wiring: engine, clock and settings become one ASGI application."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from eventrail import __version__, api_docs, metrics
from eventrail.clock import Clock
from eventrail.health import OK, Check, Health
from eventrail.websites import OpenWebsites, Websites
from eventrail.websites.watching import WebsitesFile
from query_api import problems
from query_api.access import Door
from query_api.admission import Admission
from query_api.cross_origin import CrossOrigin, parse_origins
from query_api.engine import Engine
from query_api.erasure_topic import NoTopic, Requests
from query_api.head import HeadAsGet
from query_api.key_limits import KeyLimits
from query_api.live.hub import Live
from query_api.metrics import Metrics
from query_api.progress import Overview
from query_api.progress.memory import MemoryProgress
from query_api.request_counts import RequestCounts
from query_api.routes import (
    breakdown,
    documentation,
    erasures,
    events,
    export,
    funnels,
    journeys,
    lag,
    ledger,
    properties,
    rates,
    rejected,
    retention,
    rows,
    sessions,
    timeseries,
    visitors,
)
from query_api.routes import live as live_route
from query_api.routes import websites as websites_route
from query_api.routes.asking import Asking
from query_api.settings import QueryApiSettings

_DESCRIPTION = "Counts, property breakdowns and time series of custom events, by the days of any time zone."

_FIXED_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/openapi.json"})


class _Documented(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return documentation.completed(super().openapi())


def create_app(
    engine: Engine,
    clock: Clock,
    settings: QueryApiSettings,
    catalogue: Metrics,
    websites: Websites | None = None,
    stopping: Callable[[], bool] = lambda: False,
    progress: Overview | None = None,
    erasure_topic: Requests | None = None,
    live: Live | None = None,
) -> ASGIApp:
    """The whole HTTP face: the endpoints, `/docs`, `/openapi.json`, `/livez`, `/readyz`, `/metrics`.

    Ready means that it can answer, with 503 if need be; `/readyz` names a missing ClickHouse, what holds
    `progress`, and a websites file of which an older version is in use, and stays 200 until `stopping` answers
    True. Without `progress` nothing is known of how far the answers reach; without an `erasure_topic`
    nothing can be erased (503).
    """
    websites = websites or OpenWebsites()
    progress = progress or MemoryProgress()
    catalogue.watch_progress(progress.data_through_ms, clock.now_ms)
    app = _Documented(
        title="Eventrail query API",
        version=__version__,
        description=_DESCRIPTION,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    api_docs.install(app)
    asking = Asking(engine, clock, settings, websites, progress)
    counted = (events, properties, timeseries, breakdown, funnels, journeys, retention)
    listed = (rows, sessions, visitors, export)
    pipeline = (lag, ledger, rejected, rates)
    for room in (websites_route, *counted, *listed, *pipeline):
        app.include_router(room.router(asking))
    margin_ms = int(1000 * settings.erasure_margin_seconds)
    app.include_router(erasures.router(asking, erasure_topic or NoTopic(), margin_ms))
    app.include_router(live_route.router(asking, live))
    checks = {"clickhouse": engine.check, "data_through": _of_progress(progress)}
    health = Health(checks | _of_file(websites), stopping=stopping)
    app.router.routes.extend([*health.routes(), metrics.route(catalogue.registry)])
    problems.install(app, retry_after_seconds=settings.retry_after_seconds)
    limits = KeyLimits(settings.key_rate(), settings.key_concurrency)
    admitted = Admission(app, Door(websites), limits, clock, catalogue.refused)
    shared = CrossOrigin(admitted, parse_origins(settings.cors_origins))
    return HeadAsGet(RequestCounts(shared, catalogue.requests, _FIXED_PATHS))


def _of_progress(progress: Overview) -> Check:
    async def check() -> str:
        return "; ".join(progress.held_by()) or OK

    return check


def _of_file(websites: Websites) -> dict[str, Check]:
    return {"websites": websites.check} if isinstance(websites, WebsitesFile) else {}
