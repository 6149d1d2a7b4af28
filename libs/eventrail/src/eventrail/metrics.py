"""What every service measures about itself, and how metrics leave it (Prometheus text format)."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.process_collector import ProcessCollector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eventrail import __version__


def registry(service: str) -> CollectorRegistry:
    """A registry with process figures and `eventrail_build_info{service,version} 1`."""
    # A second series for each counter, with the time at which it was made, serves nobody.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    info = Gauge(
        "eventrail_build_info",
        "Always 1; the labels name the service and its version.",
        ["service", "version"],
        registry=made,
    )
    info.labels(service, __version__).set(1)
    return made


def route(metrics: CollectorRegistry) -> Route:
    """`GET /metrics` for `metrics`."""

    def expose(_request: Request) -> Response:
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", expose, methods=["GET"])
