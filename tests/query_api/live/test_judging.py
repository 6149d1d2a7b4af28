"""Copies and erased events, judged by what the real tables say."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from eventrail import metrics
from eventrail.clickhouse import connect
from eventrail.clock import ManualClock
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.rows.events import row
from query_api.clickhouse import ClickHouse
from query_api.events_table import Statement
from query_api.live.hub import source_of
from query_api.live.judging import BATCH, Decoder, Judge, Recent
from query_api.live.metrics import LiveMetrics
from query_api.live.ring import Entry, Ring, Verdict
from query_api.live.suppressed import ErasedEvents, NothingErased, Suppressed
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from tests.query_api.live.conftest import RECEIVED_AT_MS, Event, NothingStored
from writer.migrations import migrate
from writer.table import Table

SHOWN, COPY, ERASED = Verdict.SHOWN, Verdict.COPY, Verdict.ERASED

# As the migrations of the erasure make them.
ERASED_EVENTS = """
CREATE TABLE IF NOT EXISTS erased_events
(website_id LowCardinality(String), event_id UUID, erasure_id UUID, seen UInt8)
ENGINE = ReplacingMergeTree(seen) ORDER BY (website_id, event_id, erasure_id)
"""
ERASED_VISITORS = """
CREATE TABLE IF NOT EXISTS erased_visitors
(website_id LowCardinality(String), visitor_id String, erasure_id UUID, covers_until DateTime64(3, 'UTC'),
 raw_ends Map(Int32, Int64))
ENGINE = ReplacingMergeTree ORDER BY (website_id, visitor_id, erasure_id)
"""


@pytest_asyncio.fixture
async def database(clickhouse: str) -> AsyncIterator[str]:
    """URL of a migrated database that only this test uses."""
    name = f"live_{uuid4().hex[:12]}"
    url = f"{clickhouse}/{name}"
    await asyncio.to_thread(migrate, url)
    with connect(url) as client:
        client.execute(ERASED_EVENTS)
        client.execute(ERASED_VISITORS)
    yield url
    with connect(f"{clickhouse}/default") as server:
        server.execute(f"DROP DATABASE {name}")


@pytest_asyncio.fixture
async def engine(database: str) -> AsyncIterator[ClickHouse]:
    made = ClickHouse(database, QueryApiSettings(), Metrics(metrics.registry("query-api")))
    yield made
    await asyncio.to_thread(made.close)


def store(database: str, *events: EnrichedEvent) -> None:
    """Write rows as the writer does."""
    table = Table(database, timeout_seconds=30)
    table.insert([row(one, 0, 1_000 + number) for number, one in enumerate(events)])
    table.close()


def judge(ring: Ring, engine: ClickHouse | NothingStored, suppressed: Suppressed | None = None) -> Judge:
    catalogue = LiveMetrics(metrics.registry("query-api"))
    clock = ManualClock()
    return Judge(ring, Decoder(), Recent(1_000), engine, suppressed or NothingErased(), clock, catalogue)


def ring_of(*events: EnrichedEvent) -> Ring:
    """A ring that holds them, all read by somebody."""
    ring = Ring(1_000, 1 << 30)
    ring.begin({0: 0})
    for one in {source_of(event.website_id): event for event in events}:
        ring.follow(one)
    for offset, one_event in enumerate(events):
        value = one_event.SerializeToString()
        ring.append(Entry(source_of(one_event.website_id), 0, offset, 1, value))
    return ring


async def verdicts(made: Judge, ring: Ring) -> list[Verdict | None]:
    """Of all records of one website, after one batch."""
    await made.judge(made.due())
    [view] = ring.views
    return [view.entry(number).verdict for number in range(view.first, view.end)]


def elsewhere(event: EnrichedEvent, **fields: int) -> EnrichedEvent:
    """The same event, accepted once more."""
    made = EnrichedEvent()
    made.CopyFrom(event)
    made.raw_position.CopyFrom(RawPosition(partition=7, offset=7, index=0))
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.stack
async def test_what_the_table_has_from_another_place_is_a_copy(
    database: str, engine: ClickHouse, event: Event
) -> None:
    days_old, itself, later, new, other_name, other_day = (event() for _ in range(6))
    await asyncio.to_thread(
        store,
        database,
        elsewhere(days_old, received_at_ms=RECEIVED_AT_MS - 3 * 86_400_000),
        itself,
        elsewhere(later, received_at_ms=RECEIVED_AT_MS + 1),
        elsewhere(other_day, identity_day=20_700),
    )
    renamed = elsewhere(other_name)
    renamed.event_name = "another"
    await asyncio.to_thread(store, database, renamed)
    ring = ring_of(days_old, itself, later, new, other_name, other_day)
    assert await verdicts(judge(ring, engine), ring) == [COPY, SHOWN, COPY, SHOWN, SHOWN, SHOWN]


@pytest.mark.stack
async def test_the_winner_is_shown_whichever_record_comes_first(
    database: str, engine: ClickHouse, event: Event
) -> None:
    winner = event()
    copy = elsewhere(winner, received_at_ms=RECEIVED_AT_MS + 5)
    await asyncio.to_thread(store, database, copy, winner)
    for order, expected in (((copy, winner), [COPY, SHOWN]), ((winner, copy), [SHOWN, COPY])):
        ring = ring_of(*order)
        assert await verdicts(judge(ring, engine), ring) == expected


@pytest.mark.stack
async def test_erased_events_are_not_shown(database: str, engine: ClickHouse, event: Event) -> None:
    by_id, by_visitor, after, other = event(), event(), event(), event()
    after.visitor_id = by_visitor.visitor_id
    before = event()
    before.visitor_id = by_visitor.visitor_id
    # A collector's clock was ahead: what stood on the raw topic before the request counts, too.
    after.received_at_ms = before.received_at_ms = RECEIVED_AT_MS + 1
    before.raw_position.CopyFrom(RawPosition(partition=3, offset=99, index=0))
    after.raw_position.CopyFrom(RawPosition(partition=3, offset=100, index=0))
    with connect(database) as client:
        client.execute(
            "INSERT INTO erased_events (website_id, event_id, erasure_id, seen) VALUES",
            [
                (by_id.website_id, UUID(by_id.event_id), uuid4(), 0),
                ("other", UUID(other.event_id), uuid4(), 1),
            ],
        )
        client.execute(
            "INSERT INTO erased_visitors (website_id, visitor_id, erasure_id, covers_until, raw_ends) VALUES",
            [(by_visitor.website_id, by_visitor.visitor_id, uuid4(), RECEIVED_AT_MS, {3: 100})],
        )
    ring = ring_of(by_id, by_visitor, after, other, before)
    made = judge(ring, engine, ErasedEvents(engine))
    assert await verdicts(made, ring) == [ERASED, ERASED, SHOWN, SHOWN, ERASED]
    # What is erased afterwards is not shown to those who come back for it.
    with connect(database) as client:
        client.execute(
            "INSERT INTO erased_events (website_id, event_id, erasure_id, seen) VALUES",
            [(other.website_id, UUID(other.event_id), uuid4(), 1)],
        )
    [view] = ring.views
    await made.sift(view, {0: 3})
    assert view.entry(3).verdict is SHOWN
    await made.sift(view, {0: 2})
    assert [view.entry(number).verdict for number in range(4)] == [ERASED, ERASED, SHOWN, ERASED]


async def test_one_question_for_all_websites_of_a_batch(event: Event) -> None:
    engine = NothingStored()
    made = [event(website_id=f"w{number % 3}") for number in range(9)]
    ring = ring_of(*made)
    judging = judge(ring, engine)
    await judging.judge(judging.due())
    assert judging.due() == []
    [asked] = engine.statements
    assert set(asked.parameters["website_id"]) == {"w0", "w1", "w2"}  # type: ignore[arg-type]
    assert {view.judged for view in ring.views} == {3}


async def test_a_batch_is_bounded_and_fair(event: Event) -> None:
    made = [event() for _ in range(BATCH + 100)] + [event(website_id="small")]
    ring = ring_of(*made)
    judging = judge(ring, NothingStored())
    first = judging.due()
    assert len(first) <= BATCH
    assert made[-1].SerializeToString() in [entry.value for entry in first]
    rounds = 0
    while batch := judging.due():
        await judging.judge(batch)
        rounds += 1
    assert rounds == 3
    assert {entry.verdict for view in ring.views for entry in map(view.entry, range(view.end))} == {SHOWN}


async def test_an_engine_that_fails_in_any_way_holds_nothing_up(event: Event) -> None:
    class Broken(NothingStored):
        async def answer(self, statement: Statement) -> object:  # type: ignore[override]
            raise RuntimeError(statement.name)

    ring = ring_of(event())
    assert await verdicts(judge(ring, Broken()), ring) == [SHOWN]


def test_the_set_of_recent_events_is_bounded() -> None:
    recent = Recent(10)
    first = Entry(b"", 0, 0, 0, b"")
    keys = [("w", "n", None, UUID(int=number)) for number in range(20)]
    assert all(recent.is_first(key, first) for key in keys)  # type: ignore[arg-type]
    assert len(recent) == 10
    assert not recent.is_first(keys[-1], Entry(b"", 0, 1, 0, b""))  # type: ignore[arg-type]
