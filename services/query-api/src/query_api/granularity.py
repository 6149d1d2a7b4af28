"""The steps of a time series: how time is cut into numbered buckets, in SQL and in Python alike.

All in UTC. A bucket's number is the count of whole steps since the step that holds 1970-01-01, so both sides
agree on integers and no calendar type of the engine (some end in 2106) is in the way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_EPOCH = date(1970, 1, 1)
_DAYS = "intDiv(toUnixTimestamp64Milli(timestamp), 86400000)"
# 1970-01-01 was a Thursday: the Monday of its week lies three days before it.
_TO_MONDAY = 3


@dataclass(frozen=True)
class Granularity:
    """One way to cut time."""

    name: str
    sql: str
    """Expression for the bucket number of the column `timestamp`, a DateTime64(3, 'UTC')."""
    first: Callable[[date], int]
    """Number of the bucket that holds the first moment of a day."""
    last: Callable[[date], int]
    """Number of the bucket that holds the last moment of a day."""
    label: Callable[[int], str]
    """How the API writes a bucket: its first day, or its first moment for hours."""


def _day(day: date) -> int:
    return (day - _EPOCH).days


def _day_label(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def _hour_label(number: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    return moment.strftime("%Y-%m-%dT%H:00:00Z")


def _week(day: date) -> int:
    return (_day(day) + _TO_MONDAY) // 7


def _week_label(number: int) -> str:
    return _day_label(number * 7 - _TO_MONDAY)


def _month(day: date) -> int:
    return (day.year - _EPOCH.year) * 12 + day.month - 1


def _month_label(number: int) -> str:
    return date(_EPOCH.year + number // 12, number % 12 + 1, 1).isoformat()


HOUR = Granularity(
    "hour",
    "intDiv(toUnixTimestamp64Milli(timestamp), 3600000)",
    lambda day: _day(day) * 24,
    lambda day: _day(day) * 24 + 23,
    _hour_label,
)
DAY = Granularity("day", _DAYS, _day, _day, _day_label)
WEEK = Granularity("week", f"intDiv({_DAYS} + {_TO_MONDAY}, 7)", _week, _week, _week_label)
MONTH = Granularity(
    "month", "(toYear(timestamp) - 1970) * 12 + toMonth(timestamp) - 1", _month, _month, _month_label
)

GRANULARITIES = {step.name: step for step in (HOUR, DAY, WEEK, MONTH)}
"""By name, finest first."""
