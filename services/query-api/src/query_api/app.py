"""The wiring: engine, clock and settings become one ASGI application."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from eventrail import __version__, api_docs, metrics
from eventrail.clock import Clock
from eventrail.health import Check, Health
from eventrail.websites import OpenWebsites
from eventrail.websites.watching import WebsitesFile
from query_api import problems
from query_api.engine import Engine
from query_api.head import HeadAsGet
from query_api.metrics import Metrics
from query_api.request_counts import RequestCounts
from query_api.routes import (
    breakdown,
    documentation,
    events,
    funnels,
    journeys,
    ledger,
    properties,
    retention,
    timeseries,
)
from query_api.routes.asking import Asking
from query_api.settings import QueryApiSettings

_DESCRIPTION = "Counts, property breakdowns and time series of custom events. All days are UTC."

_FIXED_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/openapi.json"})


class _Documented(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return documentation.completed(super().openapi())


def create_app(
    engine: Engine,
    clock: Clock,
    settings: QueryApiSettings,
    catalogue: Metrics,
    websites: OpenWebsites | WebsitesFile | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> ASGIApp:
    """The whole HTTP face: the endpoints, `/docs`, `/openapi.json`, `/livez`, `/readyz`, `/metrics`.

    Ready means that it can answer, with 503 if need be; `/readyz` names a missing ClickHouse, and
    a websites file of which an older version is in use, and stays 200 until `stopping` answers True.
    """
    websites = websites or OpenWebsites()
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
    asking = Asking(engine, clock, settings, websites)
    for room in (events, properties, timeseries, breakdown, funnels, journeys, retention, ledger):
        app.include_router(room.router(asking))
    health = Health({"clickhouse": engine.check} | _of_file(websites), stopping=stopping)
    app.router.routes.extend([*health.routes(), metrics.route(catalogue.registry)])
    problems.install(app, retry_after_seconds=settings.retry_after_seconds)
    return HeadAsGet(RequestCounts(app, catalogue.requests, _FIXED_PATHS))


def _of_file(websites: OpenWebsites | WebsitesFile) -> dict[str, Check]:
    return {"websites": websites.check} if isinstance(websites, WebsitesFile) else {}
