import httpx
import pytest

from collector.app import Application, make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import ManualClock


async def test_health_and_metrics(http: httpx.AsyncClient) -> None:
    assert (await http.get("/livez")).status_code == 200
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()) == (
        200,
        {"ready": True, "checks": {"kafka": "ok", "topics": "ok"}},
    )
    metrics = await http.get("/metrics")
    assert 'eventrail_build_info{service="collector"' in metrics.text
    assert "eventrail_collector_requests_in_flight 0.0" in metrics.text


async def test_it_stays_ready_while_kafka_is_away_and_names_it(
    http: httpx.AsyncClient, sink: MemorySink
) -> None:
    await sink.close()
    ready = await http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"]["kafka"] == "the collector is shutting down"


async def test_a_missing_topic_makes_it_not_ready(settings: CollectorSettings, clock: ManualClock) -> None:
    sink, fault = MemorySink(), "topic eventrail.raw.v1 does not exist"
    health = make_health(sink, lambda: fault)
    app = make_app(
        settings, make_intake(b"s" * 32, {"k": b"k" * 32}, settings), sink, health, Metrics(), clock
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as http:
        ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["topics"]) == (503, fault)


@pytest.mark.parametrize("path", ["/api/collect", "/e"])
def test_the_short_way_and_the_routes_lead_to_the_same_endpoint(app: Application, path: str) -> None:
    routes = [route for route in app.router.routes if getattr(route, "path", "") == path]
    assert [getattr(route, "endpoint", None) for route in routes] == [app.hot]
