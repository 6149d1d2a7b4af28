"""A client that hangs up ends its query."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from eventrail import metrics
from eventrail.clock import ManualClock
from query_api.app import create_app
from query_api.engine import Answer
from query_api.events_table import Statement
from query_api.metrics import Metrics
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
