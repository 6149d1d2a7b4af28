"""What one client is sent, from a source that the test feeds; no broker, no engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from eventrail import metrics
from eventrail.clock import SystemClock
from query_api.errors import TooManyReaders
from query_api.live.hub import Live
from query_api.live.judging import Judge
from query_api.live.metrics import LiveMetrics
from query_api.question.live import LiveQuestion
from query_api.settings import QueryApiSettings
from tests.query_api.live.conftest import Event, Message, NothingStored, Records, numbers


class Client:
    """Reads a stream without HTTP, message by message, as slowly as the test likes."""

    def __init__(self, live: Live, website: str, last_event_id: str | None) -> None:
        question = LiveQuestion(website, None, None, (), 0, ())
        self._messages = live.messages(question, last_event_id)
        self._waiting: list[Message] = []

    async def message(self) -> Message:
        while not self._waiting:
            async with asyncio.timeout(5):
                text = (await anext(self._messages)).decode()
            self._waiting = [
                Message(line.partition(": ")[::2] for line in one.split("\n"))
                for one in text.removesuffix("\n\n").split("\n\n")
            ]
        return self._waiting.pop(0)

    async def begun(self) -> str:
        """The first id: what is put from now on is seen."""
        while "id" not in (found := await self.message()):
            pass
        return found["id"]

    async def of(self, kind: str) -> Message:
        while (found := await self.message()).get("event") != kind:
            pass
        return found

    async def numbers(self, most: int) -> list[int]:
        return [(await self.of("event")).json["properties"]["number"] for _ in range(most)]

    async def close(self) -> None:
        await self._messages.aclose()


class Bench:
    """A hub and its clients."""

    def __init__(self, source: Records, website: str, settings: QueryApiSettings) -> None:
        self.source = source
        self.registry = metrics.registry("query-api")
        self.live = Live(source, NothingStored(), SystemClock(), settings, LiveMetrics(self.registry))
        self._website = website

    @asynccontextmanager
    async def client(self, last_event_id: str | None = None) -> AsyncIterator[Client]:
        await self.live.admit()
        made = Client(self.live, self._website, last_event_id)
        try:
            yield made
        finally:
            await made.close()
            self.live.leave()

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"eventrail_query_api_live_{name}", labels) or 0.0


@asynccontextmanager
async def bench(website: str, partitions: int = 1, **settings: Any) -> AsyncIterator[Bench]:
    made = Bench(Records(partitions), website, QueryApiSettings(**settings))
    try:
        yield made
    finally:
        await made.live.close()


async def test_a_slow_reader_is_told_what_it_missed_and_holds_up_nobody(website: str, event: Event) -> None:
    made = [event() for _ in range(60)]
    async with bench(website, live_ring_records=10) as at, at.client() as slow, at.client() as fast:
        begun = await slow.begun()
        await fast.begun()
        for start in range(0, 60, 5):
            others = [event(website_id="another") for _ in range(5)]
            at.source.put(*made[start : start + 5], *others)
            assert await fast.numbers(5) == numbers(made[start : start + 5])
        lagged = await slow.of("lagged")
        assert lagged.json == {"dropped": 55, "id": lagged["id"]}
        assert await slow.numbers(5) == numbers(made[55:])
        assert at.metric("dropped_records_total") == 55
        assert at.metric("ring_records") == 10
        async with at.client(lagged["id"]) as again:
            assert await again.numbers(5) == numbers(made[55:])
        async with at.client(begun) as late:
            assert (await late.of("reset")).json["reason"] == "expired"


async def test_memory_is_bounded_in_bytes_as_well(website: str, event: Event) -> None:
    big = "x" * 4_000
    async with bench(website, live_ring_bytes=1 << 16) as at, at.client() as client:
        await client.begun()
        at.source.put(*[event(event_data=f'{{"number":{number},"text":"{big}"}}') for number in range(100)])
        assert at.metric("ring_bytes") <= 1 << 16
        kept = int(at.metric("ring_records"))
        assert 10 < kept < 16
        assert (await client.of("lagged")).json["dropped"] == 100 - kept
        assert await client.numbers(kept) == list(range(100 - kept, 100))


async def test_records_that_went_missing_are_told(website: str, event: Event) -> None:
    async with bench(website) as at, at.client() as client:
        await client.begun()
        at.source.put(event())
        assert await client.numbers(1) == [0]
        ring = at.source.ring
        assert ring is not None
        ring.begin_anew("gap")
        ring.begin({0: 500})
        ring.learn_ends({0: 500}, ring.ends_asked)
        ring.news.tell()
        assert (await client.of("reset")).json["reason"] == "gap"
        at.source.offsets[0] = 500
        at.source.put(event())
        assert await client.numbers(1) == [1]
        assert at.metric("resets_total", reason="gap") == 1


async def test_an_id_that_another_process_is_ahead_with_is_waited_for(website: str, event: Event) -> None:
    made = [event() for _ in range(3)]
    async with bench(website) as ahead, ahead.client() as client:
        await client.begun()
        ahead.source.put(*made[:2])
        await client.numbers(1)
        last = (await client.of("event"))["id"]
    async with bench(website, live_heartbeat_seconds=0.01) as behind, behind.client(last) as again:
        await again.message()
        for _ in range(3):
            assert "event" not in await again.message()
        ring = behind.source.ring
        assert ring is not None
        question = ring.ends_asked
        assert question > ring.ends_answered
        ring.learn_ends({0: 2}, question - 1)  # asked before this client came: it says nothing of its id
        assert "event" not in await again.message()
        ring.learn_ends({0: 2}, question)
        behind.source.put(*made)
        assert await again.numbers(1) == numbers(made[2:])


async def test_an_id_that_no_process_gave_is_told_once_kafka_was_asked(website: str, event: Event) -> None:
    async with bench(website) as ahead, ahead.client() as client:
        await client.begun()
        ahead.source.put(event())
        last = (await client.of("event"))["id"]
    async with bench(website, live_heartbeat_seconds=0.01) as empty, empty.client(last) as again:
        await again.message()
        await again.message()
        ring = empty.source.ring
        assert ring is not None
        ring.learn_ends({0: 0}, ring.ends_asked)
        assert (await again.of("reset")).json["reason"] == "unknown"


async def test_what_leaves_the_ring_while_a_client_comes_back_is_told(
    website: str, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [event() for _ in range(20)]
    async with bench(website, live_ring_records=10) as at, at.client() as client:
        await client.begun()
        at.source.put(*made[:9])
        await client.numbers(1)
        ids = [(await client.of("event"))["id"] for _ in range(8)]

        async def slow(*_of: Any) -> None:
            at.source.put(*made[9:])

        monkeypatch.setattr(Judge, "sift", slow)
        async with at.client(ids[0]) as again:
            assert (await again.of("reset")).json["reason"] == "expired"


async def test_an_id_is_gone_on_from_wherever_it_lies(website: str, event: Event) -> None:
    made = [event() for _ in range(15)]
    async with bench(website, partitions=3) as at:
        async with at.client() as client:
            ids = [await client.begun()]
            for number, one in enumerate(made):
                at.source.put(one, partition=number % 3)
                ids.append((await client.of("event"))["id"])
        for cut, last in enumerate(ids):
            async with at.client(last) as again:
                assert await again.numbers(15 - cut) == numbers(made[cut:])


async def test_a_reader_who_begins_now_is_not_shown_the_past(website: str, event: Event) -> None:
    async with bench(website) as at, at.client() as first:
        await first.begun()
        at.source.put(event(), event())
        await first.numbers(2)
        async with at.client() as second:
            await second.begun()
            made = event()
            at.source.put(made)
            assert await second.numbers(1) == numbers([made])


async def test_an_outage_is_told_once_and_it_goes_on(website: str, event: Event) -> None:
    async with bench(website, live_heartbeat_seconds=0.01) as at, at.client() as client:
        await client.begun()
        ring = at.source.ring
        assert ring is not None
        for _ in range(2):
            ring.waiting = "Kafka does not answer"
            ring.news.tell()
            await client.of("waiting")
            assert at.metric("waiting") == 1
            for _ in range(3):
                assert (await client.message())[""] == "heartbeat"
            ring.waiting = None
            at.source.put(event())
            await client.numbers(1)
            assert at.metric("waiting") == 0


async def test_a_stream_ends_after_its_time_and_can_be_gone_on_from(website: str, event: Event) -> None:
    short = bench(website, live_stream_seconds=0.2, live_heartbeat_seconds=0.05)
    async with short as at, at.client() as client:
        last = await client.begun()
        with pytest.raises(StopAsyncIteration):
            await client.of("event")
        made = event()
        at.source.put(made)
        async with at.client(last) as again:
            assert await again.numbers(1) == numbers([made])


async def test_places(website: str) -> None:
    async with bench(website, live_max_readers=1) as at:
        async with at.client():
            with pytest.raises(TooManyReaders, match="1 live streams are open"):
                await at.live.admit()
        async with at.client():
            assert at.metric("readers") == 1
        assert at.metric("readers") == 0
