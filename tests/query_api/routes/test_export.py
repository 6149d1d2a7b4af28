"""Exports over HTTP: headers, formats, errors, and answers that break off."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.errors import ClickHouseUnavailable
from query_api.app import create_app
from query_api.engine import Answer
from query_api.events_table import Statement
from query_api.metrics import Metrics
from query_api.queries import export
from query_api.settings import QueryApiSettings
from tests.query_api.recorded_export import Numbers

PATH = "/api/websites/cm5x9yz1a0001/export"
ONE = {"columns": "event_id"}
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE_ROWS", 4)


@pytest.fixture
def engine() -> Numbers:
    """In the place of the engine that knows nothing of exports."""
    return Numbers(list(range(1, 11)))


async def test_a_file_and_what_its_headers_say(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH, params={**ONE, "limit": "6"}, headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert answer.text == "".join(f'{{"event_id":"{number}"}}\n' for number in range(1, 7))
    headers = answer.headers
    assert headers["content-type"] == "application/x-ndjson"
    assert headers["content-disposition"] == 'attachment; filename="events.ndjson"'
    assert (headers["eventrail-rows"], headers["eventrail-total-rows"]) == ("6", "10")
    assert "content-length" not in headers
    rest = await client.get(
        PATH, params={**ONE, "limit": "6", "cursor": headers["eventrail-cursor"], "skip": "5"}
    )
    assert rest.text == '{"event_id":"6"}\n'
    last = await client.post(PATH, json={**ONE, "limit": 6, "cursor": headers["eventrail-next-cursor"]})
    assert last.text.endswith('{"event_id":"10"}\n')
    assert last.headers["eventrail-rows"] == "4"
    assert "eventrail-next-cursor" not in last.headers


async def test_a_head_says_the_same_and_reads_no_rows(client: httpx.AsyncClient, engine: Numbers) -> None:
    whole = await client.get(PATH, params={**ONE, "limit": "6"}, headers={"Accept-Encoding": "identity"})
    asked = len(engine.statements)
    head = await client.head(PATH, params={**ONE, "limit": "6"}, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert "content-length" not in head.headers
    named = {name: value for name, value in head.headers.items() if name != "date"}
    assert named.items() <= whole.headers.items()
    assert "eventrail-next-cursor" in named
    assert len(engine.statements) - asked < asked


async def test_text_is_packed_for_those_who_take_it(client: httpx.AsyncClient) -> None:
    for accepted, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("br", False)):
        async with client.stream("GET", PATH, params=ONE, headers={"Accept-Encoding": accepted}) as answer:
            content = b"".join([part async for part in answer.aiter_raw()])
        assert (answer.headers.get("content-encoding") == "gzip") is packed
        assert (gzip.decompress(content) if packed else content).count(b"\n") == 10
    answer = await client.get(PATH, params={**ONE, "format": "parquet"})
    assert "content-encoding" not in answer.headers


async def test_what_is_gone_says_why(client: httpx.AsyncClient, engine: Numbers) -> None:
    first = await client.get(PATH, params=ONE)
    engine.numbers.pop()
    answer = await client.get(PATH, params={**ONE, "cursor": first.headers["eventrail-cursor"]})
    assert answer.status_code == 410
    assert answer.json() == {
        "error": {
            "code": "gone",
            "message": "this export cannot be given again: 1 rows were deleted or replaced; begin a new one without "
            "cursor",
            "field": "cursor",
            "reason": "changed",
        }
    }


class Browser:
    """Asks the application as a server does, message by message."""

    def __init__(self, engine: Any, **settings: Any) -> None:
        catalogue = Metrics(metrics.registry("query-api"))
        self.app = create_app(engine, ManualClock(), QueryApiSettings(**settings), catalogue)
        self.messages: list[MutableMapping[str, Any]] = []
        self.hung_up = asyncio.Event()
        self.room = asyncio.Event()
        self.room.set()
        self.took = asyncio.Event()
        self._requested = False

    async def get(self) -> None:
        scope: dict[str, Any] = {
            "type": "http", "http_version": "1.1", "method": "GET", "path": PATH, "raw_path": PATH.encode(),
            "query_string": b"columns=event_id", "headers": [], "scheme": "http", "server": ("t", 80),
            "client": ("t", 1), "root_path": "",
        }  # fmt: skip
        await self.app(scope, self._receive, self._send)

    async def _receive(self) -> MutableMapping[str, Any]:
        if not self._requested:
            self._requested = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.messages.append(message)
        self.took.set()
        await self.room.wait()

    def again(self) -> None:
        self.messages.clear()
        self.hung_up.clear()
        self._requested = False

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def complete(self) -> bool:
        last = self.messages[-1]
        return last["type"] == "http.response.body" and not last.get("more_body")


async def test_an_answer_that_cannot_end_well_does_not_end(engine: Numbers) -> None:
    def away(statement: Statement) -> None:
        if sum(one.name == "export_page" for one in engine.statements) == 2:
            raise ClickHouseUnavailable("away")

    engine.before = away
    browser = Browser(engine)
    with capture_logs() as logs:
        await browser.get()
    assert browser.status == 200
    assert not browser.complete
    assert logs[-1]["event"] == "an export broke off"


async def test_before_the_first_byte_an_error_is_an_answer(engine: Numbers) -> None:
    def away(_statement: Statement) -> None:
        raise ClickHouseUnavailable("away")

    engine.before = away
    browser = Browser(engine)
    await browser.get()
    assert (browser.status, browser.complete) == (503, True)


class SlowPages(Numbers):
    """Hangs up for the client as soon as a page is asked for, and never answers that."""

    def __init__(self) -> None:
        super().__init__([1, 2, 3])
        self.browser = Browser(self, max_exports=1)
        self.cancelled = asyncio.Event()

    async def answer(self, statement: Statement) -> Answer:
        if statement.name != "export_page":
            return await super().answer(statement)
        self.browser.hung_up.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError("unreachable")


async def test_a_client_that_hangs_up_cancels_its_query_and_frees_its_place() -> None:
    engine = SlowPages()
    for _ in range(2):
        await engine.browser.get()
        await asyncio.wait_for(engine.cancelled.wait(), 5)
        assert (engine.browser.status, engine.browser.complete) == (200, False)
        engine.cancelled.clear()
        engine.browser.again()


async def test_one_export_too_many_is_told_to_wait_and_a_client_that_takes_nothing_is_hung_up_on(
    engine: Numbers,
) -> None:
    browser = Browser(engine, max_exports=1, export_stall_seconds=0.2)
    other = Browser(engine)
    other.app = browser.app
    browser.room.clear()
    running = asyncio.create_task(browser.get())
    await browser.took.wait()
    await other.get()
    assert other.status == 503
    assert dict(other.messages[0]["headers"])[b"retry-after"] == b"5"
    assert b"1 exports are running already" in other.messages[1]["body"]
    with capture_logs() as logs:
        await running
    assert logs[-1]["reason"] == "the client takes nothing"
    third = Browser(engine)
    third.app = browser.app
    await third.get()
    assert (third.status, third.complete) == (200, True)
