"""Known copies are dropped, and nothing else."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.rows.columns import columns
from eventrail.rows.events import Row, row
from writer.dedupe import RecentlyWritten

Event = Callable[..., EnrichedEvent]


def covers(known: RecentlyWritten, made: Row) -> bool:
    return known.news([made]) == []


ID = "0190a0b0-c0d0-7e0f-8a1b-2c3d4e5f6071"


def test_a_copy_is_covered_once_the_first_was_written(event: Event) -> None:
    known = RecentlyWritten(10)
    first = row(event(event_id=ID), 0, 0)
    again = row(event(event_id=ID, visitor_id="other"), 5, 77)
    assert not covers(known, again)
    known.add([first])
    assert covers(known, first)
    assert covers(known, again)


@pytest.mark.parametrize(
    "other", [{"event_name": "refund"}, {"identity_day": 20_762}, {"website_id": "elsewhere"}]
)
def test_an_id_with_another_name_day_or_website_is_another_event(
    event: Event, other: dict[str, object]
) -> None:
    known = RecentlyWritten(10)
    known.add([row(event(event_id=ID), 0, 0)])
    assert not covers(known, row(event(event_id=ID, **other), 0, 1))


def test_a_copy_that_would_win_is_not_covered(event: Event) -> None:
    known = RecentlyWritten(10)
    late = row(event(event_id=ID, received_at_ms=2000), 0, 0)
    early = row(event(event_id=ID, received_at_ms=1000), 0, 1)
    known.add([late])
    assert not covers(known, early)
    known.add([early])
    assert covers(known, late)
    known.add([late])
    assert covers(known, early), "writing a worse copy must not make the better one unknown"


def test_it_is_bounded_and_forgets_the_oldest(event: Event) -> None:
    known = RecentlyWritten(3)
    rows = [row(event(), 0, offset) for offset in range(5)]
    known.add(rows)
    assert len(known) == 3
    assert [covers(known, each) for each in rows] == [False, False, True, True, True]


def test_without_capacity_nothing_is_known(event: Event) -> None:
    known = RecentlyWritten(0)
    written = row(event(), 0, 0)
    known.add([written])
    assert not covers(known, written)


def test_fields_do_not_run_into_each_other(event: Event) -> None:
    one = row(event(event_id=ID, website_id="a", event_name="b"), 0, 0)
    two = row(event(event_id=ID, website_id="a", event_name="b\0"), 0, 0)
    known = RecentlyWritten(10)
    known.add([one])
    assert known.news([one, two]) == [1]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12), st.integers(0, 5))
def test_rows_in_the_form_of_columns_are_known_as_the_same_rows(
    copies: list[tuple[int, int]], capacity: int
) -> None:
    known, known_columns = RecentlyWritten(capacity), RecentlyWritten(capacity)
    for number, received in copies:
        made = EnrichedEvent(
            website_id="shop",
            event_id=str(UUID(int=number)),
            event_type=EventType.EVENT_TYPE_CUSTOM,
            identity_day=20_763,
            received_at_ms=received,
        )
        plain = [row(made, 0, 0)]
        columnar = columns([made.SerializeToString()], [0], [0], lambda _: 0)
        assert known.news(plain) == known_columns.news(columnar)
        known.add(plain)
        known_columns.add(columnar)
    assert len(known) == len(known_columns) <= capacity
