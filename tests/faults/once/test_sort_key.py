"""All copies of an event have one sort key, whatever happens between two tries; no two events share one."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.intake import Client, Intake
from collector.payload.rules import Event
from collector.payload.timestamps import corrected, identity_day
from eventrail.clock import MS_PER_DAY
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.rows.events import COLUMNS, Row, day
from eventrail.rows.reading import SORT_KEY
from tests.faults.once.sendings import (
    COLLECTORS,
    FARTHEST_MS,
    NOW_MS,
    PERSON,
    Original,
    Sending,
    Tries,
    accepted,
    originals,
    sendings,
    spellings,
    uuid7_of,
)

tries = st.lists(sendings(accepted), min_size=1, max_size=5)


def of(row: Row, column: str) -> object:
    return row[COLUMNS.index(column)]


def key(row: Row) -> tuple[object, ...]:
    return tuple(of(row, column) for column in SORT_KEY)


def version(row: Row) -> int:
    found = of(row, "version")
    assert isinstance(found, int)
    return found


def check(original: Original, sent: Sequence[Sending]) -> None:
    """The proof for one event: the same key, and the copy accepted first wins, by the collectors' clocks alone."""
    made = Tries(original)
    for sending in sent:
        made.send(sending)
    website, name, days, event_id = replace(original, event_id=made.event_id).key
    assert {key(row) for row in made.rows} == {(website, name, day(days), UUID(event_id))}
    # Who wins is decided by the time of acceptance, which is a collector's; no client chooses it.
    assert [of(row, "received_at") for row in made.rows] == [sending.received_ms for sending in sent]
    winner = max(made.rows, key=version)
    assert of(winner, "received_at") == min(sending.received_ms for sending in sent)
    for row, sending in zip(made.rows, sent, strict=True):
        at_ms = of(row, "timestamp")
        assert isinstance(at_ms, int)
        assert -7 * MS_PER_DAY <= at_ms - sending.received_ms <= 300_000


@settings(deadline=None)
@given(original=originals, sent=tries)
def test_all_copies_of_an_event_share_its_key_and_the_first_accepted_wins(
    original: Original, sent: Sequence[Sending]
) -> None:
    check(original, sent)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=3_000, deadline=None)
@given(original=originals, sent=tries)
def test_all_copies_share_its_key_in_many_more_cases(original: Original, sent: Sequence[Sending]) -> None:
    check(original, sent)


MIDNIGHT = NOW_MS // MS_PER_DAY * MS_PER_DAY
FIRST = Sending(MIDNIGHT - 1, None, "192.0.2.1", PERSON, "v1", False, 0, 0, 0, 0, False, 0, 0, 1)
AGAIN = replace(
    FIRST, received_ms=MIDNIGHT + 5000, visitor_id="v2", off_ms=2 * MS_PER_DAY, partition=1, style=2
)
TIMED = Original("shop", "purchase", MIDNIGHT - 10, "9f0c1c1e-52b5-4a9f-8a3c-0d8a3b1c2d3e")


def day_of_acceptance(_self: Intake, event: Event, received_at_ms: int) -> tuple[str, int]:
    return event.event_id, identity_day(received_at_ms)


def day_of_corrected_time(_self: Intake, event: Event, received_at_ms: int) -> tuple[str, int]:
    assert event.sent_ms is not None
    return event.event_id, identity_day(corrected(event.sent_ms, event.clock_ms, received_at_ms))


def new_id_for_each_try(_self: Intake, event: Event, received_at_ms: int) -> tuple[str, int]:
    return uuid7_of(received_at_ms, 1), identity_day(event.sent_ms or 0)


@pytest.mark.parametrize("bug", [day_of_acceptance, day_of_corrected_time, new_id_for_each_try])
def test_a_planted_bug_in_the_identity_is_found(
    bug: Callable[[Intake, Event, int], tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(TIMED, [FIRST, AGAIN])
    monkeypatch.setattr(Intake, "_identity", bug)
    with pytest.raises(AssertionError):
        check(TIMED, [FIRST, AGAIN])


@settings(deadline=None)
@given(original=originals.filter(lambda one: bool(one.event_id)), sending=sendings(accepted), data=st.data())
def test_an_id_that_is_used_for_another_name_day_or_website_is_another_event(
    original: Original, sending: Sending, data: st.DataObject
) -> None:
    other = data.draw(
        st.sampled_from(
            [
                replace(original, name="other"),
                replace(original, website="elsewhere"),
                replace(original, moment_ms=19_000 * MS_PER_DAY),
                replace(original, event_id="01890a5d-ac96-774b-bcce-b302099a8057"),
            ]
        ).filter(lambda one: one.key != original.key)
    )
    first, second = Tries(original).send(sending), Tries(other).send(sending)
    assert key(first) != key(second)


@settings(deadline=None)
@given(unix_ms=st.integers(-62_135_596_800_000, 253_402_300_799_999), seed=st.integers(0, 2**32))
def test_every_spelling_of_a_moment_is_the_same_moment(unix_ms: int, seed: int) -> None:
    """The property above is worth something: the spellings differ, and the collector reads each as this millisecond."""
    found = spellings(unix_ms, random.Random(seed))
    assert len(set(found)) > 3
    for spelling in found:
        member = {
            "website_id": "s",
            "type": "event",
            "event_name": "a",
            "timestamp": spelling,
            "sent_at": unix_ms,
        }
        taken = COLLECTORS[0].take(json.dumps(member).encode(), Client(None, ""), NOW_MS)
        assert not taken.rejected, spelling
        assert not taken.adjusted, (
            spelling
        )  # sent at the moment itself: any other millisecond would lie ahead or behind


MEMBER = {"website_id": "s", "type": "event", "event_name": "a", "event_id": TIMED.event_id}
WILD = [
    *(1.5, 1_790_000_000_000.0, 1e15, True, "", "yesterday", "1790000000000", "2026-02-30T00:00:00Z", "NaN"),
    *(
        FARTHEST_MS + 1,
        -FARTHEST_MS - 1,
        10**30,
        [1],
        {"ms": 1},
        "2026-02-01T10:00:00",
        "10000-01-01T00:00:00Z",
    ),
]


@pytest.mark.parametrize("wild", WILD, ids=str)
def test_what_is_no_time_is_refused_at_every_try_and_never_half_believed(wild: object) -> None:
    member = MEMBER | {"timestamp": wild}
    for received_ms, collector in ((NOW_MS, 0), (NOW_MS + 1, 1), (NOW_MS + 40 * MS_PER_DAY, 2)):
        taken = COLLECTORS[collector].take(json.dumps(member).encode(), Client(None, ""), received_ms)
        assert [(one.field, one.retry) for one in taken.rejected] in (
            [("timestamp", False)], [("event_id", False)]
        ), taken  # fmt: skip


@pytest.mark.parametrize(
    "event_id", ["9f0c1c1e-52b5-4a9f-8a3c-0d8a3b1c2d3e", "9f0c1c1e-52b5-1a9f-8a3c-0d8a3b1c2d3e"]
)
def test_an_id_without_time_and_without_timestamp_is_refused_because_no_day_could_be_kept(
    event_id: str,
) -> None:
    member = MEMBER | {"event_id": event_id}
    taken = COLLECTORS[0].take(json.dumps(member).encode(), Client(None, ""), NOW_MS)
    [refused] = taken.rejected
    assert (refused.field, refused.code, refused.retry) == ("event_id", "validation_error", False)
    assert refused.message == "event_id: needs timestamp beside it, unless it is a UUID of version 7"


def test_seconds_are_another_day_than_milliseconds_and_the_answer_says_so() -> None:
    """A client that sends seconds counts once as long as it sends seconds; the receipt tells it what is wrong."""
    taken = COLLECTORS[0].take(
        json.dumps(MEMBER | {"timestamp": NOW_MS // 1000}).encode(), Client(None, ""), NOW_MS
    )
    assert [one.field for one in taken.adjusted] == ["timestamp"]
    assert RawEvent.FromString(taken.events[0].value).identity_day == 20  # 1970-01-21
