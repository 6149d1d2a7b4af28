"""The client with a task, against the collector's application over real sockets."""

import asyncio

import httpx
import pytest

from eventrail_client import AsyncClient, Counts, Options
from tests.eventrail_client.collector import Fault, FaultyCollector

LONG = Options(max_age=60)


@pytest.mark.parametrize("fault", Fault)
async def test_an_event_arrives_once_whatever_the_first_try_meets(
    collector: FaultyCollector, quick: Options, fault: Fault
) -> None:
    collector.faults.append(fault)
    async with AsyncClient(collector.url, "shop", options=quick) as client:
        event_id = client.track("purchase", {"plan": "pro"})
        assert await client.flush(within=20)
        assert event_id is not None
        assert collector.tries() == {event_id: 2}
    assert {(event.event_id, event.event_name) for event in collector.stored()} == {(event_id, "purchase")}


async def test_many_events_all_arrive_over_a_bad_line(collector: FaultyCollector, quick: Options) -> None:
    collector.faults.extend([*Fault])
    async with AsyncClient(collector.url, "shop", options=quick) as client:
        ids = {client.track("a", {"n": n}) for n in range(300)}
        ids.add(await asyncio.to_thread(client.track, "from a thread"))
        assert await client.flush(within=30)
        assert client.counts == Counts(301, 301, 0, 0, 0)
    assert {event.event_id for event in collector.stored()} == ids


async def test_leaving_a_with_block_sends_what_waits(collector: FaultyCollector) -> None:
    async with AsyncClient(collector.url, "shop", options=LONG) as client:
        client.track("a")
    assert client.track("b") is None
    assert [event.event_name for event in collector.stored()] == ["a"]


async def test_closing_does_not_wait_for_a_silent_collector(
    collector: FaultyCollector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.faults.append(Fault.SILENT)
    client = AsyncClient(collector.url, "shop", options=Options(max_age=0, request_timeout=60))
    client.track("a")
    assert await asyncio.to_thread(collector.silent.wait, 10)
    assert not await client.close(within=0)
    assert "1 events were not sent and are lost" in caplog.text


async def test_the_loop_goes_on_while_events_are_sent() -> None:
    going = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        await going.wait()
        return httpx.Response(202, json={"accepted": 1, "rejected": []})

    async with AsyncClient(
        "http://collector", "shop", options=LONG, transport=httpx.MockTransport(answer)
    ) as client:
        client.track("a")
        flushing = asyncio.create_task(client.flush())
        await asyncio.sleep(0)
        assert not flushing.done()
        going.set()
        assert await flushing


def test_what_a_loop_left_behind_is_sent_in_the_next_one(collector: FaultyCollector) -> None:
    client = AsyncClient(collector.url, "shop", options=LONG)
    assert client.track("before any loop")

    async def first() -> None:
        client.track("in the first")

    async def second() -> None:
        client.track("in the second")
        assert await client.close()

    asyncio.run(first())
    asyncio.run(second())
    assert [member["event_name"] for body in collector.bodies for member in body] == [
        "before any loop",
        "in the first",
        "in the second",
    ]


def test_what_was_tracked_before_any_loop_waits_for_no_flush(
    collector: FaultyCollector, quick: Options
) -> None:
    client = AsyncClient(collector.url, "shop", options=quick)
    client.track("before any loop")

    async def program() -> None:
        client.track("in it")
        async with asyncio.timeout(10):
            while client.counts.accepted < 2:  # noqa: ASYNC110 - a plain value
                await asyncio.sleep(0.005)
        await client.close()

    asyncio.run(program())


def test_a_request_that_ends_with_its_loop_is_sent_again(collector: FaultyCollector) -> None:
    collector.faults.append(Fault.SILENT)
    client = AsyncClient(collector.url, "shop", options=Options(max_age=0))

    async def first() -> None:
        client.track("a")
        assert await asyncio.to_thread(collector.silent.wait, 10)

    async def second() -> None:
        assert await client.close()

    asyncio.run(first())
    asyncio.run(second())
    assert list(collector.tries().values()) == [2]


def test_at_exit_what_waits_is_sent_without_a_loop(collector: FaultyCollector) -> None:
    client = AsyncClient(collector.url, "shop", options=LONG)

    async def program() -> None:
        client.track("a")

    asyncio.run(program())
    client.at_exit()
    client.at_exit()
    assert [event.event_name for event in collector.stored()] == ["a"]
    assert client.counts == Counts(1, 1, 0, 0, 0)
