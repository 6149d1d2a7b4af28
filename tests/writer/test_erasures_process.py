"""Erasures by whole writer processes on the real broker and engine: retries, a rewind and a kill bring nothing back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventrail.clock import SystemClock
from eventrail.contract import topics
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.erasures.request import Erasure
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from writer.rewind import rewind

Event = Callable[..., EnrichedEvent]
Query = Callable[..., list[Any]]
Post = Callable[..., Awaitable[None]]
Until = Callable[..., Awaitable[None]]
StartWriter = Callable[..., Awaitable[Any]]
Ask = Callable[..., Awaitable[Erasure]]

pytestmark = pytest.mark.stack

DAYS_AFTER = 2 * 86_400_000


@pytest.fixture
def ask(topics_made: str, website: str) -> Ask:
    """Puts a request on the topic and waits until the broker has it."""

    async def publish(**fields: Any) -> Erasure:
        now = SystemClock().now_ms()
        made = Erasure(uuid4(), website, now, now, **fields)
        async with producer(topics_made) as sender:
            await sender.send_and_wait(topics.ERASURES.name, made.encoded(), key=website.encode())
        return made

    return publish


@pytest.fixture
def stored(query: Query, website: str) -> Callable[[], set[str]]:
    sql = "SELECT toString(event_id) FROM events FINAL WHERE website_id = %(website)s"
    return lambda: {event_id for (event_id,) in query(sql, {"website": website})}


@pytest.fixture
def done(query: Query) -> Callable[[Erasure], bool]:
    sql = "SELECT count() FROM erasures FINAL WHERE erasure_id = %(id)s AND stage = 2"
    return lambda erasure: bool(query(sql, {"id": str(erasure.erasure_id)})[0][0])


def later(event: EnrichedEvent, **fields: Any) -> EnrichedEvent:
    """The same event sent again, days after."""
    copy = EnrichedEvent.FromString(event.SerializeToString())
    for name, value in (fields | {"received_at_ms": event.received_at_ms + DAYS_AFTER}).items():
        setattr(copy, name, value)
    return copy


async def test_neither_retries_nor_a_rewind_bring_back_what_was_erased(
    start_writer: StartWriter,
    database: str,
    topics_made: str,
    post: Post,
    event: Event,
    ask: Ask,
    stored: Callable[[], set[str]],
    done: Callable[[Erasure], bool],
    until: Until,
) -> None:
    now = SystemClock().now_ms()
    writers = [
        await start_writer(database, flush_seconds=0.2),
        await start_writer(database, ready=False, listen="127.0.0.1:0", flush_seconds=0.2),
    ]
    others = [event(visitor_id=f"v{number}", received_at_ms=now) for number in range(150)]
    gone = [event(visitor_id="gone", received_at_ms=now - number * 20 * 86_400_000) for number in range(3)]
    named, unseen = event(received_at_ms=now), event(visitor_id="gone", received_at_ms=now)
    await post(*others, *gone, named)
    everything = {one.event_id for one in (*others, *gone, named)}
    await until(lambda: stored() == everything)
    left = {one.event_id for one in others}
    erasure = await ask(visitor_ids=("gone",), event_ids=(UUID(named.event_id),))
    await until(lambda: stored() == left)
    await until(lambda: done(erasure))
    # One that was accepted before comes late, copies come under other visitors, names and days, and a new event.
    new = event(visitor_id="gone", received_at_ms=SystemClock().now_ms() + DAYS_AFTER)
    copies = [later(one, visitor_id="hashed") for one in (*gone, named, unseen)]
    await post(unseen)
    await post(*copies, later(named, event_name="other", identity_day=5), new)
    await until(lambda: stored() == {*left, new.event_id})
    for writer in writers:
        await writer.run.stop(20)
    await rewind(KafkaSettings(kafka_bootstrap_servers=topics_made), writers[0].group, now - 1, dry_run=False)
    again = await start_writer(database, flush_seconds=0.2)
    mark = event(visitor_id="mark")
    await post(mark)
    await until(lambda: mark.event_id in stored())
    assert stored() == {*left, new.event_id, mark.event_id}
    assert await again.metric("eventrail_writer_erased_events_total") >= 5


async def test_a_kill_in_the_middle_is_taken_up_by_the_next_writer(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    ask: Ask,
    query: Query,
    stored: Callable[[], set[str]],
    done: Callable[[Erasure], bool],
    until: Until,
) -> None:
    now = SystemClock().now_ms()
    writer = await start_writer(database, flush_seconds=0.2)
    gone = [event(visitor_id="gone", received_at_ms=now) for _ in range(120)]
    kept = event(visitor_id="kept", received_at_ms=now)
    await post(*gone, kept)
    await until(lambda: len(stored()) == 121)
    erasure = await ask(visitor_ids=("gone",))
    # It has remembered the request and not finished it.
    known = "SELECT count() FROM erasures WHERE erasure_id = %(id)s"
    await until(lambda: query(known, {"id": str(erasure.erasure_id)}) != [(0,)])
    await writer.run.kill()
    assert not done(erasure)
    await start_writer(database, flush_seconds=0.2)
    await until(lambda: done(erasure))
    assert stored() == {kept.event_id}
    seen = "SELECT uniqExact(event_id) FROM erased_events WHERE erasure_id = %(id)s AND seen = 1"
    assert query(seen, {"id": str(erasure.erasure_id)}) == [(120,)]


async def test_a_table_from_an_older_backup_is_cleaned_again(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    ask: Ask,
    query: Query,
    stored: Callable[[], set[str]],
    done: Callable[[Erasure], bool],
    until: Until,
) -> None:
    now = SystemClock().now_ms()
    writer = await start_writer(database, flush_seconds=0.2)
    gone, kept = event(visitor_id="gone", received_at_ms=now), event(received_at_ms=now)
    await post(gone, kept)
    await until(lambda: len(stored()) == 2)
    query("CREATE TABLE backup AS events")
    query("INSERT INTO backup SELECT * FROM events")
    erasure = await ask(visitor_ids=("gone",))
    await until(lambda: done(erasure))
    await writer.run.stop(20)
    # As the backup has it: the events, and nothing of the requests that came after it.
    for name in ("erasures", "erased_visitors", "erased_events", "events"):
        query(f"TRUNCATE TABLE {name}")
    query("INSERT INTO events SELECT * FROM backup")
    assert stored() == {gone.event_id, kept.event_id}
    await start_writer(database, flush_seconds=0.2)
    await until(lambda: done(erasure))
    assert stored() == {kept.event_id}


async def test_an_erasure_that_cannot_be_carried_out_says_why_and_goes_on(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    ask: Ask,
    query: Query,
    stored: Callable[[], set[str]],
    done: Callable[[Erasure], bool],
    until: Until,
) -> None:
    writer = await start_writer(database, retry_max_seconds=0.5, flush_seconds=0.2)
    gone = event(visitor_id="gone")
    await post(gone)
    await until(lambda: stored() == {gone.event_id})
    query("RENAME TABLE erased_events TO hidden")
    erasure = await ask(visitor_ids=("gone",))

    async def held() -> str:
        return str((await writer.checks()).get("clickhouse", ""))

    async with asyncio.timeout(20):
        while "60 UNKNOWN_TABLE" not in await held():  # noqa: ASYNC110 - the condition lies elsewhere
            await asyncio.sleep(0.05)
    assert not done(erasure)
    query("RENAME TABLE hidden TO erased_events")
    await until(lambda: done(erasure))
    assert stored() == set()
