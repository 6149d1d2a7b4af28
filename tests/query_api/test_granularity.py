from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.granularity import DAY, GRANULARITIES, HOUR, MONTH, WEEK, Granularity

days = st.dates(date(1970, 1, 1), date(2149, 12, 31))


@pytest.mark.parametrize(
    ("granularity", "day", "label"),
    [
        (DAY, date(2026, 2, 1), "2026-02-01"),
        (WEEK, date(2026, 2, 1), "2026-01-26"),
        (WEEK, date(2026, 2, 2), "2026-02-02"),
        (WEEK, date(1970, 1, 1), "1969-12-29"),
        (MONTH, date(2026, 2, 28), "2026-02-01"),
        (MONTH, date(2149, 12, 31), "2149-12-01"),
        (HOUR, date(2026, 2, 1), "2026-02-01T00:00:00Z"),
    ],
)
def test_a_bucket_is_labelled_by_where_it_begins(granularity: Granularity, day: date, label: str) -> None:
    assert granularity.label(granularity.first(day)) == label


def test_the_last_hour_of_a_day() -> None:
    assert HOUR.label(HOUR.last(date(2026, 2, 1))) == "2026-02-01T23:00:00Z"


@given(days)
def test_days_hours_weeks_and_months_agree_with_the_calendar(day: date) -> None:
    assert DAY.label(DAY.first(day)) == day.isoformat()
    assert WEEK.label(WEEK.first(day)) == (day - timedelta(days=day.weekday())).isoformat()
    assert MONTH.label(MONTH.first(day)) == day.replace(day=1).isoformat()
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert HOUR.first(day) == midnight.timestamp() / 3600
    assert HOUR.last(day) == HOUR.first(day) + 23


@given(days, st.sampled_from(list(GRANULARITIES.values())))
def test_buckets_follow_each_other_without_gaps(day: date, granularity: Granularity) -> None:
    tomorrow = day + timedelta(days=1)
    assert granularity.first(tomorrow) - granularity.last(day) in {0, 1}
    if granularity in (HOUR, DAY):
        assert granularity.first(tomorrow) == granularity.last(day) + 1


def test_names_are_in_order_from_fine_to_coarse() -> None:
    year = (date(2026, 1, 1), date(2026, 12, 31))
    sizes = [step.last(year[1]) - step.first(year[0]) for step in GRANULARITIES.values()]
    assert sizes == sorted(sizes, reverse=True)
