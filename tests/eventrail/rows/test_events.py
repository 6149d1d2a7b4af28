"""Rows: one value per column, and a clear refusal where none can be made."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.errors import ContractError
from eventrail.rows.events import COLUMNS, LATEST_MS, NIL, day, row, version

Event = Callable[..., EnrichedEvent]


def values(event: EnrichedEvent) -> dict[str, Any]:
    return dict(zip(COLUMNS, row(event, 3, 9), strict=True))


def test_an_event_with_nothing_optional(event: Event) -> None:
    made = values(event(event_data="", visitor_id=""))
    assert made["session_id"] == NIL
    assert made["session_started_at"] == 0
    assert made["property_keys"] == made["property_values"] == []
    assert made["url"] == made["country"] == made["browser"] == made["utm_source"] == ""
    assert (made["enriched_partition"], made["enriched_offset"]) == (3, 9)


def test_times_are_whole_milliseconds(event: Event) -> None:
    made = values(event(timestamp_ms=1_700_000_000_001, received_at_ms=1_700_000_000_999))
    assert (made["timestamp"], made["received_at"]) == (1_700_000_000_001, 1_700_000_000_999)
    assert made["version"] == version(1_700_000_000_999)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1), st.integers(0, 65_534))
def test_the_earlier_copy_wins_and_a_revision_wins_over_both(early: int, late: int, revision: int) -> None:
    early, late = sorted((early, late))
    assert version(early, revision) >= version(late, revision)
    assert version(late, revision + 1) > version(early, revision)
    assert 0 <= version(late, revision) < 2**64


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, date(1970, 1, 1)),
        (0, date(1970, 1, 1)),
        (20_763, date(2026, 11, 6)),
        (65_535, date(2149, 6, 6)),
        (65_536, date(2149, 6, 6)),
        (2**31 - 1, date(2149, 6, 6)),
        (-(2**31), date(1970, 1, 1)),
    ],
)
def test_a_day_is_clamped_to_the_range_of_the_column(days: int, expected: date) -> None:
    assert day(days) == expected


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"event_id": "x" * 36}, "event_id is no UUID"),
        ({"event_id": "0190A0B0-c0d0-7e0f-8a1b-2c3d4e5f6071"}, "event_id is no UUID in lower-case"),
        ({"event_id": "0190a0b0c0d0-7e0f-8a1b-2c3d4e5f-6071"}, "event_id is no UUID"),
        ({"session_id": "nonsense"}, "session_id is no UUID"),
        ({"event_type": 0}, "event_type 0 is not known"),
        ({"event_type": 99}, "event_type 99 is not known"),
        ({"timestamp_ms": -1}, "timestamp_ms is outside"),
        ({"timestamp_ms": LATEST_MS + 1}, "timestamp_ms is outside"),
        ({"received_at_ms": 2**62}, "received_at_ms is outside"),
        ({"session_started_at_ms": -1}, "session_started_at_ms is outside"),
        ({"event_data": "[]"}, "event_data is JSON, but no object"),
        ({"screen": {"width": 65_536, "height": 1}}, "screen is larger"),
    ],
)
def test_what_no_column_can_hold_breaks_a_rule(event: Event, fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ContractError, match=why) as error:
        row(event(**fields), 0, 0)
    assert error.value.rule


def test_ids_are_uuids(event: Event) -> None:
    text = "0190a0b0-c0d0-7e0f-8a1b-2c3d4e5f6071"
    made = values(event(event_id=text, session_id=text))
    assert made["event_id"] == made["session_id"] == UUID(text)


@pytest.mark.parametrize("field", ["event_type", "visitor_source", "bot.kind"])
def test_a_number_that_no_enum_has_is_refused_by_name(event: Event, field: str) -> None:
    made = event()
    *path, last = field.split(".")
    target = made
    for name in path:
        target = getattr(target, name)
    setattr(target, last, 99)
    with pytest.raises(ContractError, match=f"{field} 99 is not known"):
        row(made, 0, 0)
