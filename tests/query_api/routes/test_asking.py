"""A client that hangs up ends its query; which bots are counted where."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.websites import ListedWebsites, Website
from query_api.app import create_app
from query_api.engine import Answer
from query_api.events_table import Statement
from query_api.metrics import Metrics
from query_api.question.selection import ALL_BOTS, CRAWLERS, Context, Limits
from query_api.routes.asking import Asking
from query_api.settings import QueryApiSettings
from tests.query_api.conftest import RecordedEngine


class SlowEngine:
    """Never answers; remembers that it was asked and that its question was cancelled."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def answer(self, _statement: Statement) -> Answer:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError("unreachable")

    async def check(self) -> str:
        return "ok"


async def test_a_client_that_disconnects_cancels_its_question() -> None:
    engine, catalogue = SlowEngine(), Metrics(metrics.registry("query-api"))
    app = create_app(engine, ManualClock(), QueryApiSettings(), catalogue)
    hung_up = asyncio.Event()
    requested = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal requested
        if not requested:
            requested = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(_message: MutableMapping[str, Any]) -> None:
        return

    path = "/api/websites/w/events"
    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode(),
        "root_path": "", "scheme": "http", "query_string": b"", "headers": [], "server": ("x", 80), "client": None,
    }  # fmt: skip
    request = asyncio.ensure_future(asyncio.wait_for(app(scope, receive, send), 10))
    await asyncio.wait_for(engine.asked.wait(), 10)
    assert not engine.cancelled.is_set()
    hung_up.set()
    await request
    assert engine.cancelled.is_set()
    labels = {"route": "/api/websites/{website_id}/events", "status": "499"}
    assert catalogue.registry.get_sample_value("eventrail_query_api_requests_total", labels) == 1


def test_questions_are_read_against_the_website_and_the_settings() -> None:
    strict = Website(
        id="strict",
        name="S",
        domains=("a.example",),
        exclude_headless=True,
        timezone="Asia/Kolkata",
        retention_days=9,
    )
    lax = Website(id="lax", name="L", domains=("a.example",))
    settings = QueryApiSettings(
        max_event_names=1, max_property_keys=2, max_property_values=3, max_points=4, max_groups=5
    )
    asking = Asking(SlowEngine(), ManualClock(unix_ms=7), settings, ListedWebsites([strict, lax]))
    limits = Limits(1, 2, 3, 4, 5)
    assert asking.context(strict) == Context("strict", 7, "Asia/Kolkata", ALL_BOTS, 9, limits)
    assert asking.context(lax) == Context("lax", 7, "UTC", CRAWLERS, None, limits)


class TestOneWayOrTheOther:
    """Nothing that is said is silently ignored: not a body of a GET, not a query string of a POST."""

    PATH = "/api/websites/w/events"

    async def test_a_get_with_a_body(self, client: httpx.AsyncClient) -> None:
        answer = await client.request("GET", self.PATH, json={"limit": 1})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == (
            "a GET is asked by its query string alone; send the body by POST to the same path"
        )

    @pytest.mark.parametrize("path", ["events", "events/query", "funnels", "journeys", "retention"])
    async def test_a_post_with_a_query_string(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.post(f"/api/websites/w/{path}", params={"limit": "1"}, json={})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("a POST is asked by its body alone")

    async def test_an_empty_body_of_a_post(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(self.PATH)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("the body is no JSON")

    async def test_a_large_body(self, client: httpx.AsyncClient) -> None:
        most = b'{"search": ""' + b" " * (102_400 - 14) + b"}"
        assert (await client.post(self.PATH, content=most)).status_code == 200
        answer = await client.post(self.PATH, content=most + b" ")
        assert answer.status_code == 413
        assert answer.json() == {
            "error": {
                "code": "payload_too_large",
                "message": "the body is larger than 102,400 bytes",
                "field": None,
            }
        }

    @pytest.mark.parametrize(
        ("document", "field"),
        [
            ({"limit": 1.5}, "limit"),
            ({"limit": None}, "limit"),
            ({"include": [["visitors"]]}, "include"),
            ({"include_bots": 1}, "include_bots"),
            ({"start_date": ["2026-01-01", "2026-01-02"]}, "start_date"),
            ({"filters": {}}, "filters"),
            ({"filters": [1]}, "filters[0]"),
            ({"filters": [{"field": "country", "values": ["DE"]}, {"field": 1}]}, "filters[1].field"),
            ({"filters": [{"field": "country", "values": "DE"}]}, "filters[0].values"),
            ({"filters": [{"field": "country", "operator": 1}]}, "filters[0].operator"),
            ({"filters": [{"field": "prop.a", "values": [None]}]}, "filters[0].values"),
            ({"filters": [{"field": "prop.a", "values": [10**390]}]}, "filters[0].values"),
        ],
    )
    async def test_a_wrong_type_names_the_place(
        self, client: httpx.AsyncClient, document: dict[str, Any], field: str
    ) -> None:
        answer = await client.post(self.PATH, json=document)
        assert answer.status_code == 400
        assert answer.json()["error"]["field"] == field


@pytest.mark.parametrize("what", ["", "/properties", "/timeseries"])
async def test_each_endpoint_asks_for_its_website(what: str) -> None:
    engine, catalogue = RecordedEngine(), Metrics(metrics.registry("query-api"))
    app = create_app(engine, ManualClock(), QueryApiSettings(), catalogue)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://query-api"
    ) as client:
        for bots in ("false", "true"):
            query = {"include_bots": bots} | ({"event_name": "x"} if what else {})
            assert (await client.get(f"/api/websites/w/events{what}", params=query)).status_code == 200
    left_out = [statement.parameters.get("left_out") for statement in engine.statements]
    assert list(dict.fromkeys(left_out)) == [CRAWLERS, None]
