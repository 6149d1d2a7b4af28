"""Live streams over real HTTP, from a real broker."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from devstack import programs
from devstack.ports import free_addresses
from devstack.process import Run
from devstack.readiness import quiet_client_logs
from devstack.single import running
from eventrail.contract.topics import Topic
from eventrail.contract.v1 import enriched_pb2 as pb
from eventrail.errors import ClickHouseUnavailable
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from query_api.live.source import EnrichedTopic
from tests.query_api.live.conftest import PARTITIONS, Event, NothingStored, Post, Serve, numbers

pytestmark = pytest.mark.stack


async def test_what_is_written_is_seen_with_all_its_facts(
    serve: Serve, source: EnrichedTopic, post: Post, event: Event
) -> None:
    await post(event())  # before anybody looked
    async with serve(source) as served, served.stream() as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["cache-control"] == "no-store"
        await stream.begun()
        made = event(event_data='{"cart": {"total": 4.50},\n "plan": "pro"}', channel="Direct", visitor_id="")
        await post(made)
        message = await stream.of("event")
    assert '"properties":{"cart": {"total": 4.50},  "plan": "pro"}' in message["data"]  # as it was sent
    shown = message.json
    assert shown["event_id"] == made.event_id
    assert (shown["event_name"], shown["event_type"], shown["channel"]) == ("purchase", "custom", "Direct")
    assert (shown["timestamp"], shown["visitor_id"]) == ("2026-11-06T15:59:59.000Z", None)


async def test_filters(serve: Serve, source: EnrichedTopic, post: Post, event: Event) -> None:
    bot = pb.Bot(kind=pb.BOT_KIND_CRAWLER, name="Googlebot")
    made = [
        event(geo=pb.Geo(country="DE")),
        event(geo=pb.Geo(country="FR")),
        event(event_name="signup", geo=pb.Geo(country="DE")),
        event(event_type=pb.EVENT_TYPE_PAGEVIEW, event_name="", geo=pb.Geo(country="DE")),
        event(bot=bot, geo=pb.Geo(country="DE")),
        event(geo=pb.Geo(country="DE"), event_data='{"number": 5, "amount": 99.5}'),
        event(website_id="another", geo=pb.Geo(country="DE")),
    ]
    asked: list[tuple[dict[str, str], list[int]]] = [
        ({}, [0, 1, 2, 3, 5]),
        ({"event_name": "purchase", "country": "DE"}, [0, 5]),
        ({"event_type": "pageview"}, [3]),
        ({"event_type": "custom", "include_bots": "true"}, [0, 1, 2, 4, 5]),
        ({"prop.amount[gte]": "99.5"}, [5]),
    ]
    async with serve(source) as served:
        async with served.stream() as first:
            start = await first.begun()
        await post(*made, partition=0)
        for query, expected in asked:
            async with served.stream(start, **query) as stream:
                assert await stream.numbers(len(expected)) == expected
        wrong = await served.get(event_nam="x")
        assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "event_nam")


async def test_a_reader_who_comes_back_sees_each_event_once(
    serve: Serve, source: EnrichedTopic, post: Post, event: Event
) -> None:
    made = [event() for _ in range(24)]
    async with serve(source) as served:
        async with served.stream() as stream:
            ids = [await stream.begun()]
            await post(*made[:20])
            before: list[int] = []
            while len(before) < 20:
                message = await stream.of("event")
                ids.append(message["id"])
                before.append(message.json["properties"]["number"])
        assert sorted(before) == numbers(made[:20])
        await post(*made[20:])
        for cut, last in enumerate(ids):
            async with served.stream(last) as again:
                rest = await again.numbers(24 - cut)
            assert sorted(before[:cut] + rest) == numbers(made), f"cut at message {cut}"
    # Another process, which reads the topic anew and in another order.
    async with serve(source) as served:
        for cut, last in enumerate(ids):
            async with served.stream(last) as again:
                rest = await again.numbers(24 - cut)
            assert sorted(before[:cut] + rest) == numbers(made), f"cut at message {cut}"


async def test_the_id_moves_on_while_nothing_fits(
    serve: Serve, source: EnrichedTopic, post: Post, event: Event
) -> None:
    async with serve(source, live_heartbeat_seconds=0.05, live_ring_records=10) as served:
        async with served.stream(event_name="never") as stream:
            begun = await stream.begun()
            await post(*[event() for _ in range(30)])
            async with asyncio.timeout(10):
                while (found := (await stream.message())["id"]) == begun:
                    pass
                # Once all 30 were seen, the id lies at their end.
                async with served.stream() as other:
                    end = await other.begun()
                while found != end:
                    found = (await stream.message())["id"]
        async with served.stream(begun) as late:
            reset = await late.of("reset")
            assert reset.json["reason"] == "expired"
        async with served.stream(found) as again:
            last = event()
            await post(last)
            assert await again.numbers(1) == numbers([last])
        assert served.metric("resets_total", reason="expired") == 1


async def test_ids_that_cannot_be_gone_on_from(
    serve: Serve, kafka: str, source: EnrichedTopic, post: Post, event: Event
) -> None:
    other = Topic(f"other-{uuid4().hex[:12]}", "EnrichedEvent")
    brokers = KafkaSettings(kafka_bootstrap_servers=kafka, topic_partitions=PARTITIONS)
    await create_topics(brokers, [other])
    async with serve(source) as served:
        async with served.stream() as stream:
            await stream.begun()
            await post(event(), event(), partition=1)
            at = (await stream.of("event"))["id"]
        for bad in ("damaged", at[:-1] + "z", at[3:]):
            async with served.stream(bad) as stream:
                assert (await stream.of("reset")).json["reason"] == "damaged"
                made = event()
                await post(made)
                assert await stream.numbers(1) == numbers([made])
    async with producer(kafka) as sender:
        # Same offsets, other records: the topic as it may look after it was deleted and made again.
        for partition in range(PARTITIONS):
            for _ in range(2):
                value = event().SerializeToString()
                await sender.send_and_wait(other.name, value, partition=partition, timestamp_ms=1)
    async with serve(EnrichedTopic(kafka, other.name)) as served, served.stream(at) as stream:
        reset = await stream.of("reset")
        assert reset.json["reason"] == "unknown"
        assert reset["id"] != at


async def test_records_that_are_no_events_cost_nothing(
    serve: Serve, source: EnrichedTopic, post: Post, event: Event
) -> None:
    async with serve(source) as served, served.stream() as stream:
        await stream.begun()
        refused = event(event_data="no json")
        made = event()
        await post(b"\xff garbage", refused, made, partition=1)
        assert await stream.numbers(1) == numbers([made])
        assert served.metric("suppressed_records_total", reason="refused") == 1


async def test_copies_are_shown_once(serve: Serve, source: EnrichedTopic, post: Post, event: Event) -> None:
    made, last = event(), event()
    replayed = pb.EnrichedEvent()
    replayed.CopyFrom(made)
    repeated = pb.EnrichedEvent()
    repeated.CopyFrom(made)
    repeated.raw_position.offset = 1_000
    other_day = pb.EnrichedEvent()
    other_day.CopyFrom(repeated)
    other_day.identity_day += 1
    async with serve(source) as served, served.stream() as stream:
        begun = await stream.begun()
        await post(made, replayed, repeated, other_day, last, partition=2)
        assert await stream.numbers(3) == numbers([made, other_day, last])
        assert served.metric("suppressed_records_total", reason="copy") == 2
        async with served.stream(begun) as again:
            assert await again.numbers(3) == numbers([made, other_day, last])
        assert served.metric("suppressed_records_total", reason="copy") == 2


async def test_without_clickhouse_events_are_shown(
    serve: Serve, source: EnrichedTopic, post: Post, event: Event
) -> None:
    engine = NothingStored()
    engine.error = ClickHouseUnavailable("ClickHouse does not answer")
    async with serve(source, engine) as served, served.stream() as stream:
        await stream.begun()
        made = [event(), event()]
        await post(made[0], partition=0)
        assert await stream.numbers(1) == numbers(made[:1])
        await post(made[0], made[1], partition=0)
        assert await stream.numbers(1) == numbers(made[1:])
        assert served.metric("look_ups_failed_total") == 1
    assert len(engine.statements) == 1  # it is left alone for a while


async def test_places_are_few_and_given_back(serve: Serve, source: EnrichedTopic) -> None:
    async with serve(source, live_max_readers=2) as served:
        async with served.stream() as one:
            await one.begun()
            async with served.stream() as two:
                await two.begun()
                refused = await served.get()
                assert refused.status_code == 503
                assert int(refused.headers["retry-after"]) > 0
                assert "2 live streams are open" in refused.json()["error"]["message"]
                assert served.metric("readers") == 2
            async with asyncio.timeout(10):
                while served.metric("readers") > 1:  # noqa: ASYNC110 - the server notices that the client went
                    await asyncio.sleep(0.01)
            async with served.stream() as again:
                await again.begun()
        head = await served.client.head(served.path)
        assert head.status_code == 200


async def test_a_stop_ends_streams_cleanly(
    serve: Serve, source: EnrichedTopic, post: Post, event: Event
) -> None:
    async with serve(source) as served, served.stream() as stream:
        await stream.begun()
        await served.live.close()
        with pytest.raises(StopAsyncIteration):
            await stream.of("event")
        assert (await served.get()).status_code == 503


async def test_nobody_reads_no_more_is_read(
    serve: Serve, source: EnrichedTopic, post: Post, event: Event
) -> None:
    async with serve(source, live_linger_seconds=0) as served:
        assert served.metric("ring_records") == 0
        async with served.stream() as stream:
            await stream.begun()
            made = event()
            await post(made)
            at = (await stream.of("event"))["id"]
            assert served.metric("ring_records") == 1
        async with asyncio.timeout(10):
            while served.metric("ring_records"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        late = event()
        await post(late)
        async with served.stream(at) as again:
            assert await again.numbers(1) == numbers([late])


async def test_without_kafka_it_says_so(serve: Serve) -> None:
    nobody = str(free_addresses(random.Random()).kafka)
    async with serve(EnrichedTopic(nobody)) as served:
        answer = await served.get()
    assert answer.status_code == 503
    assert "Kafka does not answer" in answer.json()["error"]["message"]


@pytest_asyncio.fixture
async def own_broker(tmp_path: Path) -> AsyncIterator[tuple[str, Run]]:
    quiet_client_logs()
    addresses = free_addresses(random.Random())
    program = programs.kafka(addresses.kafka, addresses.kafka_controller, tmp_path)
    async with running(program, tmp_path / "kafka.log") as run:
        yield str(addresses.kafka), run
        os.kill(run.pid, signal.SIGCONT)


async def test_a_stream_waits_for_a_broker_that_is_stuck(
    serve: Serve, own_broker: tuple[str, Run], event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka, run = own_broker
    monkeypatch.setattr("query_api.live.source._PROBE_EVERY_SECONDS", 0.2)
    monkeypatch.setattr("query_api.live.source._PROBE_SECONDS", 1.0)
    topic = Topic("live", "EnrichedEvent")
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka, topic_partitions=1), [topic])
    async with serve(EnrichedTopic(kafka, topic.name)) as served, served.stream() as stream:
        await stream.begun()
        os.kill(run.pid, signal.SIGSTOP)
        assert (await stream.of("waiting")).json == {"reason": "Kafka does not answer"}
        assert served.metric("waiting") == 1
        os.kill(run.pid, signal.SIGCONT)
        made = event()
        async with producer(kafka) as sender:
            await sender.send_and_wait(topic.name, made.SerializeToString())
        assert await stream.numbers(1) == numbers([made])
        assert served.metric("waiting") == 0


async def test_unknown_websites_wait_in_silence(serve: Serve, source: EnrichedTopic) -> None:
    async with serve(source, live_heartbeat_seconds=0.05) as served, served.stream() as stream:
        first = await stream.message()
        assert first["retry"] == "2000"
        assert "event" not in await stream.message()
