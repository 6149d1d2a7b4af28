from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.payload.timestamps import Window, corrected, identity_day, read
from collector.refusals import Refused


@given(
    st.integers(-62_135_500_000, 253_402_200_000).map(lambda s: datetime.fromtimestamp(s, UTC)),
    st.integers(0, 999_999),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_any_moment_in_any_zone_is_read_to_the_millisecond(
    moment: datetime, microsecond: int, minutes: int
) -> None:
    there = moment.replace(microsecond=microsecond, tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (there - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert read(there.isoformat(timespec="microseconds")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-02-01T10:00:00.123Z", 1_769_940_000_123),
        ("2026-02-01t10:00:00.1z", 1_769_940_000_100),
        ("2026-02-01 11:30:00.123456789+01:30", 1_769_940_000_123),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2026-02-01T10:00Z", 1_769_940_000_000),
        ("2026-02-01T11:00:00+0100", 1_769_940_000_000),
        ("2026-02-01T08:30-0130", 1_769_940_000_000),
        ("2026-02-01T12:00:00,5+02", 1_769_940_000_500),
    ],
)
def test_iso_8601(text: str, expected: int) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-02-01",
        "2026-02-01T10:00:00",
        "20260201T100000Z",
        "2026-02-30T10:00:00Z",
        "2026-02-01T25:00:00Z",
        "2026-W05-7T10:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-02-01T10:00:00+24:00",
        "2026-02-01T10Z",
        "2026-02-01T10:00.5Z",
        "2026-02-01T10:00:00+1",
        "2026-02-01T10:00:00+010",
        "2026-02-01T10:00:00+2400",
        "\uff11\uff19\uff17\uff10-01-01T00:00:00Z",
        "2026-02-01T10:00:00Z\n",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read(text)
    assert caught.value.field == "timestamp"


def test_integers_are_milliseconds_within_the_range_of_a_javascript_date() -> None:
    assert read(-5) == -5
    assert read(8_640_000_000_000_000) == 8_640_000_000_000_000
    for beyond in (8_640_000_000_000_001, -(10**30)):
        with pytest.raises(Refused, match="out of range"):
            read(beyond)


def test_the_field_that_is_wrong_is_named() -> None:
    for value in ("now", 10**17):
        with pytest.raises(Refused) as caught:
            read(value, "sent_at")
        assert caught.value.field == "sent_at"


NOW_MS = 1_770_000_000_000
CLOCKS = st.integers(-8_000_000_000_000_000, 8_000_000_000_000_000)


@given(CLOCKS, st.integers(0, 7 * 86_400_000), st.integers(0, 10_000))
def test_a_clock_that_is_wrong_by_any_amount_costs_no_more_than_the_way(
    clock_ms: int, age_ms: int, way_ms: int
) -> None:
    happened = corrected(clock_ms - age_ms, clock_ms, NOW_MS + way_ms)
    assert happened == NOW_MS - age_ms + way_ms


@given(CLOCKS, CLOCKS)
def test_what_was_not_after_the_sending_is_not_after_the_receipt(one_ms: int, other_ms: int) -> None:
    moment_ms, clock_ms = sorted((one_ms, other_ms))
    assert corrected(moment_ms, clock_ms, NOW_MS) <= NOW_MS


def test_without_a_clock_the_moment_stays() -> None:
    assert corrected(5, None, NOW_MS) == 5


def test_the_window_is_closed_at_both_ends() -> None:
    window = Window(ahead_ms=300, back_ms=700)
    assert [window.holds(ms, 1000) for ms in (299, 300, 1300, 1301)] == [False, True, True, False]


def test_what_is_said_of_a_time_that_is_not_believed() -> None:
    window = Window(ahead_ms=300_000, back_ms=604_800_000)
    told = "more than 300 s ahead or 604,800 s back; the receive time was taken"
    assert window.beyond(corrected=False) == told
    assert "back, also after the correction by sent_at; the receive" in window.beyond(corrected=True)


def test_the_identity_day_stays_within_the_range_of_clickhouses_date() -> None:
    assert [identity_day(ms) for ms in (-1, 0, 86_399_999, 86_400_000)] == [0, 0, 0, 1]
    assert identity_day(8_640_000_000_000_000) == 65_535
