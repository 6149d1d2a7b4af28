"""When a day's salt is made and when it is forgotten. Days are UTC days since 1970-01-01, times Unix milliseconds."""

from datetime import date, timedelta
from typing import Final

from eventrail.clock import utc_day

MADE_BEFORE_MS: Final = 3_600_000
"""A salt is made an hour before its day, so that nobody waits for it at midnight."""

KEPT_AFTER_MS: Final = 48 * 3_600_000
"""A salt is kept as long after its day as the raw topic keeps events."""

_FIRST: Final = date(1970, 1, 1)


def first_kept(now_ms: int) -> int:
    """The oldest day whose salt is still in use; those before it are gone."""
    return utc_day(now_ms - KEPT_AFTER_MS)


def wanted(now_ms: int) -> range:
    """The days that have to have a salt now: three of them, and in the last hour of a day the next one too."""
    return range(first_kept(now_ms), utc_day(now_ms + MADE_BEFORE_MS) + 1)


def text(day: int) -> str:
    """A day as YYYY-MM-DD."""
    return (_FIRST + timedelta(days=day)).isoformat()


def parse(day: str) -> int:
    """The day of a text YYYY-MM-DD. Raises ValueError."""
    return (date.fromisoformat(day) - _FIRST).days
