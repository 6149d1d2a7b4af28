"""Which events are replayed: those that were accepted from one moment to before another."""

from datetime import UTC, datetime
from typing import NamedTuple

from eventrail.errors import ConfigurationError


class TimeRange(NamedTuple):
    """From `begin_ms` on, to before `end_ms`: Unix times in milliseconds, of acceptance."""

    begin_ms: int
    end_ms: int

    def __contains__(self, unix_ms: object) -> bool:
        return isinstance(unix_ms, int) and self.begin_ms <= unix_ms < self.end_ms


def parse(begin: str, end: str, now_ms: int) -> TimeRange:
    """The range between two RFC 3339 times. Raises ConfigurationError that says what is wrong with which."""
    found = TimeRange(moment(begin, "--from"), moment(end, "--to"))
    if found.begin_ms >= found.end_ms:
        raise ConfigurationError(f"--from {begin} is not before --to {end}")
    if found.end_ms > now_ms:
        raise ConfigurationError(f"--to {end} lies in the future; the latest possible is {text(now_ms)}")
    return found


def moment(given: str, option: str) -> int:
    """Unix milliseconds of an RFC 3339 time such as 2026-11-23T10:00:00Z. Raises ConfigurationError."""
    try:
        found = datetime.fromisoformat(given.upper())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ConfigurationError(
            f"{option} {given!r} is no RFC 3339 time with an offset, such as 2026-11-23T10:00:00Z"
        )
    return round(found.timestamp() * 1000)


def text(unix_ms: int) -> str:
    """A Unix time in milliseconds as RFC 3339 in UTC."""
    return (
        datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
