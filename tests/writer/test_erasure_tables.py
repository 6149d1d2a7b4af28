"""Erasures at a real engine: the same rows as the pure rule says, all copies, once and again."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.erasures import tables
from eventrail.erasures.request import CLOCKS_APART_MS, Erasure
from eventrail.rows.events import COLUMNS, row
from tests.stored_events import INSERT, stored
from writer.erasure_tables import ErasureTables
from writer.errors import TableFault
from writer.withholding import Erased, Known, split

pytestmark = pytest.mark.stack

Event = Callable[..., EnrichedEvent]
Query = Callable[..., list[Any]]
Store = Callable[..., None]

NOW = 1_794_000_000_000
MONTH = 31 * 86_400_000
HOSTILE = [
    "v'1",
    "v\\",
    "'; DROP TABLE events --",
    "%(x)s",
    "ü\u2028",
    "a\0b",
    "{x:String}",
    "%s",
    '"',
    "`",
    "?",
]


@pytest_asyncio.fixture
async def made(database: str) -> AsyncIterator[ErasureTables]:
    door = ErasureTables(database, timeout_seconds=60)
    yield door
    await asyncio.to_thread(door.close)


@pytest.fixture
def store(query: Query) -> Store:
    """Puts events into the table; each call makes a part of its own in each month."""

    def put(*events: EnrichedEvent) -> None:
        query(INSERT, stored([row(event, 0, 0) for event in events]))

    return put


@pytest.fixture
def ids(query: Query) -> Callable[[], set[str]]:
    """Event ids of all rows, copies that lost included."""
    return lambda: {str(event_id) for (event_id,) in query("SELECT DISTINCT event_id FROM events")}


def erasure(website: str, **fields: Any) -> Erasure:
    values: dict[str, Any] = {
        "erasure_id": uuid4(),
        "website_id": website,
        "requested_at_ms": NOW,
        "covers_until_ms": NOW,
    }
    return Erasure(**(values | fields))


def test_the_engine_decides_as_the_pure_rule(
    made: ErasureTables, store: Store, ids: Callable[[], set[str]], event: Event, website: str
) -> None:
    chance = random.Random(7)
    moments = [NOW - 1, NOW, NOW + 1, NOW + CLOCKS_APART_MS, NOW + CLOCKS_APART_MS + 1]
    events = [
        event(
            website_id=chance.choice([website, "other"]),
            visitor_id=chance.choice(["", "v", *HOSTILE]),
            received_at_ms=chance.choice(moments),
            raw_position=RawPosition(partition=chance.randrange(3), offset=chance.randrange(4)),
        )
        for _ in range(400)
    ]
    one = erasure(
        website,
        visitor_ids=("v", *HOSTILE[::2]),
        event_ids=tuple(UUID(event.event_id) for event in events[:5]),
        raw_ends={0: 2, 1: 0},
    )
    store(*events)
    known = Known(
        {(website, event_id): one.erasure_id for event_id in one.event_ids},
        {(website, visitor): [one.cover] for visitor in one.visitor_ids},
    )
    expected = split([row(event, 0, 0) for event in events], known)
    assert 50 < len(expected.erased) < 350
    assert made.sweep(one) == len(expected.erased)
    assert ids() == {str(values[COLUMNS.index("event_id")]) for values in expected.kept}
    assert made.sweep(one) == 0


def test_all_copies_go_in_whatever_part_month_name_and_day(
    made: ErasureTables, store: Store, ids: Callable[[], set[str]], event: Event, query: Query, website: str
) -> None:
    kept, gone = event(), event(visitor_id="gone", received_at_ms=NOW - 1)
    store(kept, gone)
    for changes in (
        {"received_at_ms": NOW - MONTH},
        {"received_at_ms": NOW + MONTH, "visitor_id": "another"},
        {"event_name": "other", "visitor_id": "another"},
        {"identity_day": 3, "visitor_id": "another"},
    ):
        copy = EnrichedEvent.FromString(gone.SerializeToString())
        for name, value in changes.items():
            setattr(copy, name, value)
        store(copy)
    assert made.sweep(erasure(website, visitor_ids=("gone",))) == 1
    assert ids() == {kept.event_id}
    query("OPTIMIZE TABLE events FINAL")
    assert ids() == {kept.event_id}


def test_a_losing_copy_of_the_visitor_goes_and_the_winner_of_another_stays(
    made: ErasureTables, store: Store, event: Event, query: Query, website: str
) -> None:
    winner = event(visitor_id="first", received_at_ms=NOW - 10)
    loser = EnrichedEvent.FromString(winner.SerializeToString())
    loser.visitor_id, loser.received_at_ms = "second", NOW - 5
    store(winner)
    store(loser)
    made.sweep(erasure(website, visitor_ids=("second",)))
    assert query("SELECT visitor_id FROM events") == [("first",)]


def test_what_was_erased_is_known_for_later_copies(
    made: ErasureTables, store: Store, event: Event, website: str
) -> None:
    gone, other = event(visitor_id="gone", received_at_ms=NOW), event()
    key, asked = (website, UUID(gone.event_id)), (website, uuid4())
    one = erasure(website, visitor_ids=("gone",), event_ids=(asked[1],), raw_ends={3: 4})
    store(gone, other)
    everything = {key, asked, (website, UUID(other.event_id))}
    assert made.known(everything, {(website, "gone")}) == Known()
    made.remember([one], NOW)
    assert made.known(everything, {(website, "gone"), (website, "v1")}) == Known(
        {asked: one.erasure_id}, {(website, "gone"): [one.cover]}
    )
    made.sweep(one)
    assert made.known(everything, set()).events == {key: one.erasure_id, asked: one.erasure_id}
    assert made.known({("other", key[1])}, {("other", "gone")}) == Known()


def test_what_was_remembered_lately_is_told_with_its_moment(
    made: ErasureTables, query: Query, website: str
) -> None:
    erased = [Erased(website, uuid4(), uuid4()) for _ in range(3)]
    assert made.erased_since(7, 10) == ([], 7)
    made.forget(erased)
    found, moment = made.erased_since(0, 10)
    assert sorted(found) == sorted(erased)
    assert abs(query("SELECT toUnixTimestamp64Milli(now64(3))")[0][0] - moment) < 60_000
    assert sorted(made.erased_since(moment, 10)[0]) == sorted(erased)
    assert made.erased_since(moment + 1, 10) == ([], moment + 1)
    assert len(made.erased_since(0, 2)[0]) == 2


def test_many_ids_and_visitors_are_looked_up_at_once(made: ErasureTables, website: str) -> None:
    one = erasure(
        website,
        visitor_ids=tuple(f"{number}" + "'" * 50 for number in range(1000)),
        event_ids=tuple(uuid4() for _ in range(1000)),
    )
    made.remember([one], NOW)
    events = {(website, event) for event in one.event_ids} | {(website, uuid4()) for _ in range(11_000)}
    visitors = {(website, visitor) for visitor in one.visitor_ids} | {
        (website, f"x{n}") for n in range(6_000)
    }
    known = made.known(events, visitors)
    assert set(known.events) == {(website, event) for event in one.event_ids}
    assert len(known.visitors) == 1000
    assert made.sweep(one) == 0


def test_rows_that_come_late_are_forgotten_with_their_stored_copies(
    made: ErasureTables, store: Store, ids: Callable[[], set[str]], event: Event, website: str
) -> None:
    one, copy, other = uuid4(), event(), event(website_id="b")
    store(copy, other)
    late = [Erased(website, uuid4(), one), Erased(website, UUID(copy.event_id), one)]
    made.forget([*late, Erased("b", uuid4(), one)])
    assert ids() == {other.event_id}
    assert set(made.known([erased[:2] for erased in late], []).events) == {erased[:2] for erased in late}
    made.forget([Erased("b", UUID(other.event_id), one)], stored=True)
    assert ids() == set()


def test_what_is_remembered_twice_counts_once_and_done_stays_done(
    made: ErasureTables, query: Query, website: str
) -> None:
    one = erasure(website, visitor_ids=("v",), event_ids=(uuid4(),))
    made.remember([one], NOW)
    assert made.done() == set()
    made.finish([one], NOW + 1)
    made.remember([one], NOW + 2)
    assert made.done() == {one.erasure_id}
    stages = query("SELECT stage, visitors, events, toUnixTimestamp64Milli(at) FROM erasures FINAL")
    assert stages == [(tables.DONE, 1, 1, NOW + 1)]
    for name in (tables.VISITORS, tables.EVENTS):
        assert query(f"SELECT count() FROM {name} FINAL") == [(1,)]


def test_a_rewrite_counts_until_it_has_ended_or_its_time_is_over(made: ErasureTables, query: Query) -> None:
    assert made.rewrites() == 0
    put = "INSERT INTO event_rewrites (rewrite_id, stage, ends_by) SELECT toUUID(%(id)s), %(stage)s, now() + %(s)s"
    first, second = str(uuid4()), str(uuid4())
    query(put, {"id": first, "stage": 1, "s": 60})
    query(put, {"id": second, "stage": 1, "s": -1})
    assert made.rewrites() == 1
    query(put, {"id": first, "stage": 2, "s": 60})
    assert made.rewrites() == 0


def test_times_past_the_range_of_the_table_are_taken(made: ErasureTables, website: str) -> None:
    one = erasure(website, visitor_ids=("v",), covers_until_ms=253_402_300_799_999)
    made.remember([one], NOW)
    assert made.sweep(one) == 0
    assert made.known([], [(website, "v")]).visitors[website, "v"][0].until_ms < one.covers_until_ms


def test_missing_tables_and_rights_need_a_person(made: ErasureTables, query: Query) -> None:
    made.verify()
    query("DROP TABLE erased_visitors")
    with pytest.raises(TableFault, match=r"erased_visitors does not exist; run: python -m writer migrate"):
        made.verify()
    with pytest.raises(TableFault, match="60 UNKNOWN_TABLE"):
        made.known([], [("w", "v")])


def test_rows_are_removed_after_the_days_that_stand_in_them(query: Query, event: Event, store: Store) -> None:
    now = query("SELECT toUnixTimestamp64Milli(now64(3))")[0][0]
    day = 86_400_000
    ages = {
        "old": 40 * day,
        "young": 29 * day,
        "far": now - 4_417_977_600_000,
        "farthest": now - 10_413_791_999_999,
    }
    for days in (0, 30, 36_500):
        events = [event(event_name=f"{name}{days}", timestamp_ms=now - age) for name, age in ages.items()]
        events.append(event(event_name=f"first{days}", timestamp_ms=1))
        rows = [row(one, 0, 0, days) for one in events]
        query(INSERT, stored(rows))
    query("OPTIMIZE TABLE events FINAL")
    left = {name for (name,) in query("SELECT event_name FROM events FINAL")}
    everything = {f"{name}{days}" for name in (*ages, "first") for days in (0, 30, 36_500)}
    assert everything - left == {"old30", "first30"}
    # A new limit for what is stored already, as docs/websites.md has it.
    query(
        "ALTER TABLE events UPDATE retention_days = 10 WHERE event_name = 'young0' SETTINGS mutations_sync = 1"
    )
    query("ALTER TABLE events MATERIALIZE TTL SETTINGS mutations_sync = 1")
    query("OPTIMIZE TABLE events FINAL")
    assert left - {name for (name,) in query("SELECT event_name FROM events FINAL")} == {"young0"}
