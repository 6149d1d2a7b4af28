"""Which time a question is about: days of a time zone, or instants, as a half-open range of Unix milliseconds.

A day begins at its first local moment: 00:00, or later where clocks jump over it. So days have 23, 24 or 25 hours.
"""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from query_api.errors import Invalid, shown

DEFAULT_DAYS: Final = 30
FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(2149, 12, 31)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOOKS_LIKE_DATE = re.compile(r"([0-9]{4})[-/.]?([0-9]{1,2})[-/.]?([0-9]{1,2})(?![0-9])")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_RULE: Final = (
    f"a day that exists, written YYYY-MM-DD, from {FIRST_DAY} to {LAST_DAY}, or an instant such as "
    "2026-02-01T10:00:00Z (RFC 3339; '+' is %2B in a URL)"
)


@dataclass(frozen=True)
class Period:
    """From `from_ms` to before `until_ms`, in the days of `zone`.

    `days` are the first and the last day where the caller named days, None where it named an instant.
    Events before `kept_ms` are not shown any more, because the website keeps them no longer.
    """

    from_ms: int
    until_ms: int
    zone: ZoneInfo
    days: tuple[date, date] | None = None
    kept_ms: int = 0

    @property
    def read_from_ms(self) -> int:
        """First moment that is read; not before `from_ms`."""
        return min(max(self.from_ms, self.kept_ms), self.until_ms)

    def previous(self) -> "Period":
        """The period of the same length that ends where this one begins: as many days, or as many milliseconds."""
        if self.days is None:
            return replace(self, from_ms=2 * self.from_ms - self.until_ms, until_ms=self.from_ms)
        first, last = self.days
        length = last - first + timedelta(days=1)
        before = (first - length, first - timedelta(days=1))
        return replace(self, from_ms=first_moment(before[0], self.zone), until_ms=self.from_ms, days=before)

    def told(self) -> dict[str, str]:
        """How an answer names it: `end` is the first moment after it."""
        return {
            "start": instant_text(self.from_ms, self.zone),
            "end": instant_text(self.until_ms, self.zone),
            "timezone": str(self.zone),
        }


def first_moment(day: date, zone: ZoneInfo) -> int:
    """Unix milliseconds at which `day` begins in `zone`."""
    # With fold 0 a time that clocks jump over counts by the offset before the jump: that is the jump itself.
    return unix_ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def unix_ms(moment: datetime) -> int:
    """Unix milliseconds of an aware datetime; fractions of one are cut off."""
    return (moment - _EPOCH) // _MILLISECOND


def local(at_ms: int, zone: ZoneInfo) -> datetime:
    """The wall clock of `zone` at a Unix time in milliseconds."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)


def local_day(at_ms: int, zone: ZoneInfo) -> date:
    """The day of `zone` at a Unix time in milliseconds."""
    return local(at_ms, zone).date()


def instant_text(at_ms: int, zone: ZoneInfo) -> str:
    """RFC 3339 with the offset of `zone`, `Z` for UTC; milliseconds only where there are any."""
    moment = local(at_ms, zone)
    text = moment.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z" if str(zone) == "UTC" else text


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_of(name: str | None, default: str) -> ZoneInfo:
    """The time zone that a caller named, else that of `default`. Raises Invalid that offers the nearest one."""
    if name is None:
        return ZoneInfo(default)
    if name in _zone_names():
        return ZoneInfo(name)
    raise Invalid(
        f"timezone {shown(name)} is no time zone of the IANA database{_nearest_zone(name, _zone_names())}",
        "timezone",
    )


def _nearest_zone(name: str, names: Iterable[str]) -> str:
    by_lower = {known.lower(): known for known in sorted(names)}
    # Most people leave the continent out, or write a city with spaces.
    wanted = name.strip().lower().replace(" ", "_")
    ends = [known for known in by_lower if known == wanted or known.endswith(f"/{wanted}")]
    near = [by_lower[lower] for lower in sorted(ends, key=len) or get_close_matches(wanted, by_lower, n=1)]
    return f"; do you mean {near[0]}?" if near else "; write it like Europe/Berlin"


def period(start: str | None, end: str | None, zone: ZoneInfo, now_ms: int, kept_days: int | None) -> Period:
    """The period from `start` to `end`: days, both inclusive, or instants, the second one exclusive.

    Without `end` it ends with today, without `start` it has 30 days. `kept_days` is how long the website keeps its
    events, None without a limit. Raises Invalid.
    """
    today = local_day(now_ms, zone)
    last = today if end is None else _moment("end_date", end)
    first = _default_start(last, zone) if start is None else _moment("start_date", start)
    made = Period(
        _from_ms(first, zone),
        _until_ms(last, zone),
        zone,
        None if isinstance(first, datetime) or isinstance(last, datetime) else (first, last),
        _kept_from(today, kept_days, zone),
    )
    if made.from_ms >= made.until_ms:
        raise _reversed(start, end, first, last)
    return made


def _kept_from(today: date, kept_days: int | None, zone: ZoneInfo) -> int:
    if kept_days is None:
        return 0
    days = min(kept_days, (today - FIRST_DAY).days)
    return first_moment(today - timedelta(days=days), zone)


def _default_start(last: date, zone: ZoneInfo) -> date:
    # The last moment of an exclusive end: at midnight that is the day before.
    day = local(unix_ms(last) - 1, zone).date() if isinstance(last, datetime) else last
    return max(FIRST_DAY, day - timedelta(days=DEFAULT_DAYS - 1))


def _from_ms(first: date, zone: ZoneInfo) -> int:
    return _ceiling(first) if isinstance(first, datetime) else first_moment(first, zone)


def _until_ms(last: date, zone: ZoneInfo) -> int:
    return _ceiling(last) if isinstance(last, datetime) else first_moment(last + timedelta(days=1), zone)


def _ceiling(moment: datetime) -> int:
    return -((_EPOCH - moment) // _MILLISECOND)


def _reversed(start: str | None, end: str | None, first: date, last: date) -> Invalid:
    defaults = "" if start is not None and end is not None else " (by default)"
    offer = f"; do you mean start_date={end} and end_date={start}?" if start and end and first != last else ""
    return Invalid(
        f"start_date {first.isoformat()} is not before the end of end_date {last.isoformat()}{defaults}; days are both "
        f"inclusive, an instant ends before itself{offer}",
        "start_date",
    )


def _moment(name: str, given: str) -> date:
    """A day, or an aware datetime (which is a date, too). Raises Invalid."""
    found = _day(given) if _DATE.fullmatch(given) else instant(given)
    day = found.astimezone(UTC).date() if isinstance(found, datetime) else found
    if found is None or day is None or not FIRST_DAY <= day <= LAST_DAY:
        raise Invalid(f"{name} must be {_RULE}, not {shown(given)}{_nearest_day(given)}", name)
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def instant(text: str) -> datetime | None:
    """An RFC 3339 text as an aware datetime in UTC, None where it is none that exists."""
    if _INSTANT.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _nearest_day(given: str) -> str:
    found = _LOOKS_LIKE_DATE.match(given)
    if found is None:
        return ""
    year, month, day = (int(part) for part in found.groups())
    year, month = min(max(year, FIRST_DAY.year), LAST_DAY.year), min(max(month, 1), 12)
    day = min(max(day, 1), calendar.monthrange(year, month)[1])
    return f"; the nearest is {date(year, month, day)}"
