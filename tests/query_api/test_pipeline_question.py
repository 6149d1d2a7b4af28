"""Instants become whole minutes; what is none becomes an error that says what is right."""

import pytest

from query_api.errors import Invalid
from query_api.pipeline_question import LedgerQuestion, ask_ledger, ask_rates, ask_rejected

NOW_MS = 1_772_712_030_500
"""2026-03-05T12:00:30.500Z."""
NOON = 1_772_712_000


def test_the_last_hour_is_the_default() -> None:
    assert ask_ledger(b"", NOW_MS, 100) == LedgerQuestion(NOON - 3600, NOON + 60)


@pytest.mark.parametrize(
    ("query", "first", "end"),
    [
        (b"start=2026-03-05T11:59:59Z", NOON - 60, NOON + 60),
        (b"start=2026-03-05T11:00:00Z&end=2026-03-05T12:00:00Z", NOON - 3600, NOON),
        (b"start=2026-03-05T11:00:00Z&end=2026-03-05T12:00:00.001Z", NOON - 3600, NOON + 60),
        (b"start=2026-03-05T12:59:59.9%2B01:00&end=2026-03-05t12:00:01z", NOON - 60, NOON + 60),
        (b"end=2026-03-05T12:00:00-00:00", NOON - 3600, NOON),
        (b"end=1970-01-01T00:10:00Z", 0, 600),
    ],
)
def test_instants_become_whole_minutes(query: bytes, first: int, end: int) -> None:
    assert ask_ledger(query, NOW_MS, 100) == LedgerQuestion(first, end)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (b"start=yesterday", "start"),
        (b"start=", "start"),
        (b"start=2026-03-05", "start"),
        (b"start=2026-03-05T12:00:00", "start"),
        (b"start=2026-02-30T12:00:00Z", "start"),
        (b"start=2026-03-05T12:00:00+01:00", "start"),
        (b"end=2106-01-01T00:00:00Z", "end"),
        (b"end=1969-12-31T23:59:59Z", "end"),
        (b"end=0001-01-01T00:00:00%2B23:59", "end"),
        (b"end=1970-01-01T00:00:00Z", "start"),
        (b"start=2026-03-06T12:00:00Z", "start"),
        (b"start=2026-03-05T11:00:00Z&end=2026-03-05T11:00:00Z", "start"),
        (b"start=2026-03-05T00:00:00Z", "start"),
        (b"from=1", "from"),
        (b"end=2026-03-05T11:00:00Z&end=2026-03-05T11:00:00Z", "end"),
    ],
)
def test_what_is_wrong_is_named(query: bytes, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        ask_ledger(query, NOW_MS, 100)
    assert caught.value.field == field


def test_rates_are_asked_for_as_the_ledger_is() -> None:
    assert ask_rates(b"", NOW_MS, 61) == ask_ledger(b"", NOW_MS, 61)
    with pytest.raises(Invalid, match="at most 60"):
        ask_rates(b"", NOW_MS, 60)


def test_rejections_may_be_asked_for_as_far_back_as_they_are_kept() -> None:
    assert ask_rejected(b"", NOW_MS) == LedgerQuestion(NOON - 3600, NOON + 60)
    found = ask_rejected(b"start=2026-02-19T12:00:00Z&end=2026-03-05T12:00:00Z", NOW_MS)
    assert found == LedgerQuestion(NOON - 14 * 86_400, NOON)
    with pytest.raises(Invalid, match="at most 21600"):
        ask_rejected(b"start=2026-02-18T11:59:59Z&end=2026-03-05T12:00:00Z", NOW_MS)
