"""The steps of a time series: how a period is cut into buckets, by the wall clock of its time zone.

Boundaries are reckoned here and handed to the engine as numbers, so that one time zone database decides. A bucket is
told by its place in the list; the engine calls it by the boundary that it begins with.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from query_api.errors import Invalid, shown
from query_api.question.given import nearest
from query_api.question.period import Period, first_moment, instant_text, local, local_day

AUTO: Final = "auto"
AUTO_POINTS: Final = 100
"""`auto` takes the finest granularity with at most so many points."""

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000

WEEK_STARTS: Final = {"monday": 0, "sunday": 6}
"""First day of the week, as date.weekday() counts."""


@dataclass(frozen=True)
class Buckets:
    """A period cut into steps: `starts` in Unix milliseconds, ascending, the first one at or before the period."""

    granularity: str
    starts: tuple[int, ...]
    labels: tuple[str, ...]

    @property
    def step_ms(self) -> int | None:
        """The length that all steps but the last have in common; None where they differ."""
        lengths = {after - before for before, after in pairwise(self.starts)}
        return None if len(lengths) > 1 else next(iter(lengths), _DAY_MS)


def buckets(name: str, period: Period, week_start: str, most: int) -> Buckets:
    """`period` in steps of the granularity of that name. Raises Invalid where they would be more than `most`."""
    if name == AUTO:
        return _finest(period, week_start, most)
    starts = _starts(name, period, week_start, most)
    if len(starts) > most:
        raise _too_many(name, len(starts), period, most)
    return _labelled(name, starts, period)


def _labelled(name: str, starts: tuple[int, ...], period: Period) -> Buckets:
    return Buckets(name, starts, tuple(_label(name, start, period.zone) for start in starts))


def _starts(name: str, period: Period, week_start: str, most: int) -> tuple[int, ...]:
    # Reckoned first, not counted: a century of minutes would take long to write down.
    about = _about(name, period)
    if about > 2 * most + 100:
        raise _too_many(name, about, period, most)
    return tuple(_STEPS[name](period, week_start))


def granularity_of(given: str | None) -> str:
    """The name of a granularity, day by default. Raises Invalid."""
    known = (*GRANULARITIES, AUTO)
    if given is None:
        return "day"
    if given not in known:
        offer = nearest(given, known)
        raise Invalid(
            f"granularity must be one of {', '.join(known)}, not {shown(given)}{offer}", "granularity"
        )
    return given


def week_start_of(given: str | None) -> str:
    """The first day of a week: monday (the default, ISO 8601) or sunday. Raises Invalid."""
    if given is not None and given not in WEEK_STARTS:
        raise Invalid(f"week_start must be monday or sunday, not {shown(given)}", "week_start")
    return given or "monday"


def _minutes(period: Period, _week_start: str) -> Iterator[int]:
    # Since 1972 no clock is off by seconds.
    return iter(range(period.from_ms // MINUTE_MS * MINUTE_MS, period.until_ms, MINUTE_MS))


def _hours(period: Period, _week_start: str) -> Iterator[int]:
    """An hour of the wall clock begins where its minutes are 0, and where the clock is changed."""
    start = _hour_start(period.from_ms, period.zone)
    while start < period.until_ms:
        yield start
        start = _next_hour(start, period.zone)


def _hour_start(at_ms: int, zone: ZoneInfo) -> int:
    start = at_ms - (at_ms + _offset_ms(at_ms, zone)) % HOUR_MS
    # A change within this hour, as that of half an hour at Lord Howe, begins a bucket of its own.
    return _change(start, at_ms, zone) or start


def _next_hour(start: int, zone: ZoneInfo) -> int:
    following = start + HOUR_MS - (start + _offset_ms(start, zone)) % HOUR_MS
    return _change(start, following - 1, zone) or following


def _change(before: int, after: int, zone: ZoneInfo) -> int | None:
    """The first moment with the offset of `after`, None where `before` has the same. At most one change is between."""
    offset = _offset_ms(after, zone)
    if _offset_ms(before, zone) == offset:
        return None
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _offset_ms(middle, zone) == offset else (middle, after)
    return after


def _offset_ms(at_ms: int, zone: ZoneInfo) -> int:
    offset = local(at_ms, zone).utcoffset()
    return offset // timedelta(milliseconds=1) if offset else 0


def _days(period: Period, _week_start: str) -> Iterator[int]:
    return _dated(period, local_day(period.from_ms, period.zone), lambda day: day + timedelta(days=1))


def _weeks(period: Period, week_start: str) -> Iterator[int]:
    day = local_day(period.from_ms, period.zone)
    first = day - timedelta(days=(day.weekday() - WEEK_STARTS[week_start]) % 7)
    return _dated(period, first, lambda day: day + timedelta(days=7))


def _months(period: Period, _week_start: str) -> Iterator[int]:
    first = local_day(period.from_ms, period.zone).replace(day=1)
    return _dated(period, first, lambda day: (day + timedelta(days=31)).replace(day=1))


def _dated(period: Period, day: date, following: Callable[[date], date]) -> Iterator[int]:
    start = first_moment(day, period.zone)
    while start < period.until_ms:
        day = following(day)
        after = first_moment(day, period.zone)
        if after > start:  # Samoa had no 2011-12-30: it would begin together with the day behind it.
            yield start
        start = after


_STEPS: Final[dict[str, Callable[[Period, str], Iterator[int]]]] = {
    "minute": _minutes,
    "hour": _hours,
    "day": _days,
    "week": _weeks,
    "month": _months,
}
_SHORTEST_MS: Final = {
    "minute": MINUTE_MS,
    "hour": HOUR_MS,
    "day": _DAY_MS,
    "week": 7 * _DAY_MS,
    "month": 28 * _DAY_MS,
}

GRANULARITIES: Final = tuple(_STEPS)
"""By name, finest first."""


def _label(name: str, start: int, zone: ZoneInfo) -> str:
    if name in ("minute", "hour"):
        return instant_text(start, zone)
    return local_day(start, zone).isoformat()


def _about(name: str, period: Period) -> int:
    return -(-(period.until_ms - period.from_ms) // _SHORTEST_MS[name])


def _finest(period: Period, week_start: str, most: int) -> Buckets:
    fine = min(AUTO_POINTS, most)
    for name in GRANULARITIES[:-1]:
        if _about(name, period) <= fine:
            starts = _starts(name, period, week_start, most)
            if len(starts) <= fine:
                return _labelled(name, starts, period)
    return buckets(GRANULARITIES[-1], period, week_start, most)


def _too_many(name: str, points: int, period: Period, most: int) -> Invalid:
    fitting = [
        step for step in GRANULARITIES if _about(step, period) + 1 <= most and _about(step, period) < points
    ]
    advice = f"use granularity {fitting[0]}" if fitting else "ask for a shorter period"
    told = period.told()
    return Invalid(
        f"granularity {name} gives {points} points from {told['start']} to {told['end']}, at most {most} are "
        f"answered; {advice}",
        "granularity",
    )
