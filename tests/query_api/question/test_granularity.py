from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.question.granularity import (
    AUTO,
    GRANULARITIES,
    Buckets,
    buckets,
    granularity_of,
    week_start_of,
)
from query_api.question.period import Period, local, local_day, period
from tests.query_api.refused import refused

NOW_MS = 1_772_668_800_000
HOUR_MS = 3_600_000
zones = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))


def between(start: str, end: str, zone: str = "UTC") -> Period:
    return period(start, end, ZoneInfo(zone), NOW_MS, None)


def cut(
    name: str, start: str, end: str, zone: str = "UTC", week_start: str = "monday", most: int = 10_000
) -> Buckets:
    return buckets(name, between(start, end, zone), week_start, most)


def labels(name: str, start: str, end: str, zone: str = "UTC", week_start: str = "monday") -> list[str]:
    return list(cut(name, start, end, zone, week_start).labels)


class TestLabels:
    def test_days_weeks_and_months_are_named_by_their_first_day(self) -> None:
        assert labels("day", "2026-02-01", "2026-02-03") == ["2026-02-01", "2026-02-02", "2026-02-03"]
        assert labels("week", "2026-02-01", "2026-02-02") == ["2026-01-26", "2026-02-02"]
        assert labels("month", "2025-12-31", "2026-02-01") == ["2025-12-01", "2026-01-01", "2026-02-01"]

    def test_a_week_may_begin_on_sunday(self) -> None:
        assert labels("week", "2026-02-01", "2026-02-07", week_start="sunday") == ["2026-02-01"]
        assert labels("week", "2026-01-31", "2026-02-01", week_start="sunday") == ["2026-01-25", "2026-02-01"]

    def test_the_ends_of_the_calendar(self) -> None:
        assert labels("week", "1970-01-01", "1970-01-01") == ["1969-12-29"]
        assert labels("month", "2149-12-31", "2149-12-31", "Asia/Kolkata") == ["2149-12-01"]

    def test_hours_and_minutes_are_instants(self) -> None:
        assert labels("hour", "2026-02-01T10:30:00Z", "2026-02-01T12:00:00Z") == [
            "2026-02-01T10:00:00Z",
            "2026-02-01T11:00:00Z",
        ]
        assert labels("minute", "2026-02-01T10:30:59Z", "2026-02-01T10:31:01Z", "Asia/Kolkata") == [
            "2026-02-01T16:00:00+05:30",
            "2026-02-01T16:01:00+05:30",
        ]

    def test_the_hour_that_comes_twice_and_the_one_that_never_comes(self) -> None:
        back = labels("hour", "2026-10-25", "2026-10-25", "Europe/Berlin")
        assert len(back) == 25
        assert back[2:4] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
        forward = labels("hour", "2026-03-29", "2026-03-29", "Europe/Berlin")
        assert len(forward) == 23
        assert forward[1:3] == ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]

    def test_half_an_hour_of_lord_howe(self) -> None:
        assert labels("hour", "2026-04-05", "2026-04-05", "Australia/Lord_Howe")[:4] == [
            "2026-04-05T00:00:00+11:00",
            "2026-04-05T01:00:00+11:00",
            "2026-04-05T01:30:00+10:30",
            "2026-04-05T02:00:00+10:30",
        ]
        assert labels("hour", "2026-10-04", "2026-10-04", "Australia/Lord_Howe")[:4] == [
            "2026-10-04T00:00:00+10:30",
            "2026-10-04T01:00:00+10:30",
            "2026-10-04T02:30:00+11:00",
            "2026-10-04T03:00:00+11:00",
        ]

    def test_a_period_that_begins_behind_a_change_within_an_hour(self) -> None:
        assert labels("hour", "2026-04-04T15:10:00Z", "2026-04-04T16:00:00Z", "Australia/Lord_Howe") == [
            "2026-04-05T01:30:00+10:30",
            "2026-04-05T02:00:00+10:30",
        ]

    @pytest.mark.parametrize(
        ("zone", "day", "first"),
        [
            ("Asia/Beirut", "2026-03-29", "2026-03-29T01:00:00+03:00"),
            ("America/Santiago", "2026-09-06", "2026-09-06T01:00:00-03:00"),
            ("America/Nuuk", "2026-03-28", "2026-03-28T00:00:00-02:00"),
        ],
    )
    def test_days_whose_midnight_is_skipped(self, zone: str, day: str, first: str) -> None:
        assert len(labels("hour", day, day, zone)) == 23
        assert labels("hour", day, day, zone)[0] == first
        assert labels("day", day, day, zone) == [day]

    def test_a_day_that_never_was_has_no_point(self) -> None:
        assert labels("day", "2011-12-29", "2011-12-31", "Pacific/Apia") == ["2011-12-29", "2011-12-31"]


moments = st.integers(0, 5_680_281_599_999)


@given(
    moments,
    st.integers(1, 40 * 86_400_000),
    zones,
    st.sampled_from(GRANULARITIES),
    st.sampled_from(["monday", "sunday"]),
)
def test_steps_are_those_of_the_wall_clock(
    start: int, length: int, zone_name: str, name: str, week_start: str
) -> None:
    if name == "minute":
        length = min(length, 3 * HOUR_MS)
    zone = ZoneInfo(zone_name)
    asked = Period(start, start + length, zone)
    made = buckets(name, asked, week_start, 100_000)
    assert made.starts[0] <= asked.from_ms
    assert made.starts[-1] < asked.until_ms
    assert all(before < after for before, after in pairwise(made.starts))
    assert len(set(made.labels)) == len(made.labels) == len(made.starts)
    for label, begin in zip(made.labels, made.starts, strict=True):
        clock, before = local(begin, zone), local(begin - 1, zone)
        if name == "hour":
            assert clock.minute == clock.second == 0 or clock.utcoffset() != before.utcoffset()
        elif name != "minute":
            day = date.fromisoformat(label)
            assert local_day(begin, zone) == day
            assert name != "month" or day.day == 1
            assert (
                name != "week"
                or day.weekday() == {"monday": 0, "sunday": 6}[week_start]
                or _skipped(day, zone)
            )


def _skipped(day: date, zone: ZoneInfo) -> bool:
    """Whether the day before never was there: then a week begins a day late."""
    before = day - timedelta(days=1)
    return datetime(before.year, before.month, before.day, tzinfo=zone) == datetime(
        day.year, day.month, day.day, tzinfo=zone
    )


@given(moments, st.integers(1, 400 * 86_400_000), zones, st.integers(1, 300))
def test_auto_is_the_finest_that_fits(start: int, length: int, zone: str, most: int) -> None:
    asked = Period(start, start + length, ZoneInfo(zone))
    fine = min(most, 100)
    fitting = [name for name in GRANULARITIES if _fits(name, asked, fine)]
    if fitting:
        made = buckets(AUTO, asked, "monday", most)
        assert made.granularity == fitting[0] or len(made.starts) <= fine
        assert GRANULARITIES.index(made.granularity) <= GRANULARITIES.index(fitting[0]) + 1


def _fits(name: str, asked: Period, most: int) -> bool:
    shortest = {
        "minute": 60_000,
        "hour": HOUR_MS,
        "day": 23 * HOUR_MS,
        "week": 167 * HOUR_MS,
        "month": 28 * 24 * HOUR_MS,
    }
    if (asked.until_ms - asked.from_ms) // shortest[name] > 2 * most + 10:
        return False
    return len(buckets(name, asked, "monday", 10_000).starts) <= most


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        ("2026-02-01T10:00:00Z", "2026-02-01T11:40:00Z", "minute"),
        ("2026-02-01T10:00:30Z", "2026-02-01T11:40:30Z", "hour"),
        ("2026-02-01", "2026-02-04", "hour"),
        ("2026-02-01", "2026-02-05", "day"),
        ("2026-01-01", "2026-12-31", "week"),
        ("2020-01-01", "2026-12-31", "month"),
        ("1970-01-01", "2026-12-31", "month"),
    ],
)
def test_what_auto_takes(start: str, end: str, name: str) -> None:
    assert cut(AUTO, start, end).granularity == name


class TestStepLength:
    def test_it_is_the_same_for_all_or_none(self) -> None:
        assert cut("hour", "2026-02-01", "2026-02-02").step_ms == HOUR_MS
        assert cut("day", "2026-03-28", "2026-03-31", "Europe/Berlin").step_ms is None
        assert cut("month", "2026-01-01", "2026-03-31").step_ms is None

    def test_names_are_in_order_from_fine_to_coarse(self) -> None:
        counts = [len(cut(name, "2026-02-01", "2026-03-31", most=100_000).starts) for name in GRANULARITIES]
        assert counts == sorted(counts, reverse=True)


class TestRefusals:
    def test_the_default_is_a_day(self) -> None:
        assert granularity_of(None) == "day"
        assert week_start_of(None) == "monday"

    @pytest.mark.parametrize(
        ("given_name", "offer"),
        [("", ""), ("second", ""), ("DAY", ""), ("days", "; do you mean day?"), ("minutes", "; do you mean minute?"),
         ("mounth", "; do you mean month?")],
    )  # fmt: skip
    def test_an_unknown_granularity_names_the_known_ones(self, given_name: str, offer: str) -> None:
        message, field = refused(granularity_of, given_name)
        assert field == "granularity"
        assert (
            message
            == f"granularity must be one of minute, hour, day, week, month, auto, not {given_name!r}{offer}"
        )

    @pytest.mark.parametrize("given_name", ["", "Monday", "tuesday", "0"])
    def test_an_unknown_start_of_a_week(self, given_name: str) -> None:
        assert refused(week_start_of, given_name) == (
            f"week_start must be monday or sunday, not {given_name!r}",
            "week_start",
        )

    def test_too_many_points_say_which_granularity_fits(self) -> None:
        asked = between("2026-01-01", "2026-03-31")
        assert refused(buckets, "hour", asked, "monday", 24 * 90 - 1) == (
            (
                "granularity hour gives 2160 points from 2026-01-01T00:00:00Z to 2026-04-01T00:00:00Z, at most 2159 "
                "are answered; use granularity day"
            ),
            "granularity",
        )
        assert len(buckets("hour", asked, "monday", 24 * 90).starts) == 2160

    def test_a_century_of_minutes_is_refused_without_counting_them(self) -> None:
        message, _ = refused(buckets, "minute", between("1970-01-01", "2149-12-31"), "monday", 5_000)
        assert message.startswith("granularity minute gives 94671360 points")
        assert message.endswith("use granularity month")

    @pytest.mark.parametrize("name", ["day", AUTO])
    def test_where_no_granularity_fits(self, name: str) -> None:
        message, _ = refused(buckets, name, between("1970-01-01", "2149-12-31"), "monday", 100)
        assert message.endswith("ask for a shorter period")
