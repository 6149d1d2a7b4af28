"""Known copies are dropped, and nothing else."""

from collections.abc import Callable

import pytest

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.rows.events import row
from writer.dedupe import RecentlyWritten, identity

Event = Callable[..., EnrichedEvent]

ID = "0190a0b0-c0d0-7e0f-8a1b-2c3d4e5f6071"


def test_a_copy_is_covered_once_the_first_was_written(event: Event) -> None:
    known = RecentlyWritten(10)
    first = row(event(event_id=ID), 0, 0)
    again = row(event(event_id=ID, visitor_id="other"), 5, 77)
    assert not known.covers(again)
    known.add([first])
    assert known.covers(first)
    assert known.covers(again)


@pytest.mark.parametrize(
    "other", [{"event_name": "refund"}, {"identity_day": 20_762}, {"website_id": "elsewhere"}]
)
def test_an_id_with_another_name_day_or_website_is_another_event(
    event: Event, other: dict[str, object]
) -> None:
    known = RecentlyWritten(10)
    known.add([row(event(event_id=ID), 0, 0)])
    assert not known.covers(row(event(event_id=ID, **other), 0, 1))


def test_a_copy_that_would_win_is_not_covered(event: Event) -> None:
    known = RecentlyWritten(10)
    late = row(event(event_id=ID, received_at_ms=2000), 0, 0)
    early = row(event(event_id=ID, received_at_ms=1000), 0, 1)
    known.add([late])
    assert not known.covers(early)
    known.add([early])
    assert known.covers(late)
    known.add([late])
    assert known.covers(early), "writing a worse copy must not make the better one unknown"


def test_it_is_bounded_and_forgets_the_oldest(event: Event) -> None:
    known = RecentlyWritten(3)
    rows = [row(event(), 0, offset) for offset in range(5)]
    known.add(rows)
    assert len(known) == 3
    assert [known.covers(each) for each in rows] == [False, False, True, True, True]


def test_without_capacity_nothing_is_known(event: Event) -> None:
    known = RecentlyWritten(0)
    written = row(event(), 0, 0)
    known.add([written])
    assert not known.covers(written)


def test_fields_do_not_run_into_each_other(event: Event) -> None:
    one = row(event(event_id=ID, website_id="a", event_name="b"), 0, 0)
    two = row(event(event_id=ID, website_id="a", event_name="b\0"), 0, 0)
    assert identity(one) != identity(two)
