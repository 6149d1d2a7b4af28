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
from query_api.question import ALL_BOTS, CRAWLERS
from query_api.routes.asking import Asking
from query_api.settings import QueryApiSettings


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


def test_which_bots_a_website_leaves_out() -> None:
    listed = [Website(id=name, name=name, domains=("a.example",), exclude_headless=name == "strict") for name in
              ("strict", "lax")]  # fmt: skip
    asking = Asking(SlowEngine(), ManualClock(), QueryApiSettings(), ListedWebsites(listed))
    assert asking.left_out("strict") == ALL_BOTS == ("crawler", "headless", "library")
    for website_id in ("lax", "unknown", "", "\0"):
        assert asking.left_out(website_id) == CRAWLERS == ("crawler",)


def test_without_a_list_only_crawlers_are_left_out() -> None:
    assert Asking(SlowEngine(), ManualClock(), QueryApiSettings()).left_out("any") == CRAWLERS


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
    assert [statement.parameters.get("left_out") for statement in engine.statements] == [CRAWLERS, None]


class RecordedEngine(SlowEngine):
    """Answers with no rows; keeps the statements."""

    def __init__(self) -> None:
        super().__init__()
        self.statements: list[Statement] = []

    async def answer(self, statement: Statement) -> Answer:
        self.statements.append(statement)
        return Answer([])
