"""What the Python client takes is queryable exactly once, whatever becomes of its requests."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from eventrail_client import AsyncClient, Client, Counts, Options
from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack

QUICK = Options(max_age=0.01, first_pause=0.01, longest_pause=0.05)
EVENTS = 230


def losses() -> Iterator[tuple[bool, bool]]:
    """Of each request: whether it gets there, and whether its answer gets back."""
    return cycle([(True, False), (True, True), (False, False)])


class Lossy(httpx.BaseTransport):
    """A bad line."""

    def __init__(self) -> None:
        self._line = httpx.HTTPTransport()
        self._losses = losses()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        arrives, comes_back = next(self._losses)
        answer = self._line.handle_request(request) if arrives else None
        if answer and comes_back:
            return answer
        if answer:
            answer.read()
        raise httpx.ReadError("the line is broken")

    def close(self) -> None:
        self._line.close()


class LossyAsync(httpx.AsyncBaseTransport):
    """The same for asyncio."""

    def __init__(self) -> None:
        self._line = httpx.AsyncHTTPTransport()
        self._losses = losses()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        arrives, comes_back = next(self._losses)
        answer = await self._line.handle_async_request(request) if arrives else None
        if answer and comes_back:
            return answer
        if answer:
            await answer.aread()
        raise httpx.ReadError("the line is broken")

    async def aclose(self) -> None:
        await self._line.aclose()


async def test_each_event_is_counted_once(river: River, website: str, tmp_path: Path) -> None:
    url = river.addresses.collector.url
    with Client(url, website, options=QUICK, transport=Lossy()) as client:
        for n in range(EVENTS):
            client.track("from a thread", {"n": n}, visitor_id=f"u-{n % 7}")
        assert client.flush(within=30)
        assert client.counts == Counts(EVENTS, EVENTS, 0, 0, 0)
    async with AsyncClient(url, website, options=QUICK, transport=LossyAsync()) as async_client:
        for n in range(EVENTS):
            async_client.track("from a task", {"n": n})
        assert await async_client.flush(within=30)
    with httpx.MockTransport(lambda _: httpx.Response(502)) as nowhere:
        away = Client(url, website, options=QUICK, spool=tmp_path, transport=nowhere)
        for n in range(EVENTS):
            away.track("over a restart", {"n": n})
        assert not away.close(within=0)
    with Client(url, website, options=QUICK, spool=tmp_path, transport=Lossy()) as back:
        assert await until(lambda: taken(back), EVENTS.__eq__)
        assert back.flush(within=30)

    expected = {"from a thread": EVENTS, "from a task": EVENTS, "over a restart": EVENTS}
    await until(lambda: river.counts(website), expected.__eq__)
    for n in range(20):  # to many partitions, behind the copies of what was sent more than once
        await river.post(
            {"website_id": website, "type": "event", "event_name": "last", "visitor_id": f"v-{n}"}
        )
    await until(lambda: river.counts(website), {**expected, "last": 20}.__eq__)


async def taken(client: Client) -> int:
    return client.counts.taken
