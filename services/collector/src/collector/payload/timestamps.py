"""When an event happened: what the client says, and what is made of it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from collector.refusals import invalid
from eventrail.clock import MS_PER_DAY

FIELD: Final = "timestamp"
CLOCK_FIELD: Final = "sent_at"

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)([.,]\d+)?)?([Zz]|[+-]\d\d(?::?\d\d)?)", flags=re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
FARTHEST_MS: Final = 8_640_000_000_000_000
"""Range of a JavaScript Date (ECMA-262, 21.4.1.1): what a client's clock can show."""

_LAST_DAY: Final = 65_535
"""2149-06-06, the last day of ClickHouse's type Date, in days since 1970-01-01."""


class Window(NamedTuple):
    """How far a timestamp may lie from the receive time and still be believed, in milliseconds."""

    ahead_ms: int
    back_ms: int

    def holds(self, unix_ms: int, received_at_ms: int) -> bool:
        """Whether `unix_ms` is believed."""
        return received_at_ms - self.back_ms <= unix_ms <= received_at_ms + self.ahead_ms

    def beyond(self, *, corrected: bool) -> str:
        """What a sender is told of a time that is not believed; `corrected` where sent_at was counted in."""
        after = ", also after the correction by sent_at" if corrected else ""
        return (
            f"more than {self.ahead_ms // 1000:,} s ahead or {self.back_ms // 1000:,} s back{after}; "
            "the receive time was taken"
        )


def corrected(moment_ms: int, clock_ms: int | None, received_at_ms: int) -> int:
    """When it happened by the collector's clock, in Unix milliseconds.

    `moment_ms` is the client's time of the event, `clock_ms` its clock at sending, None where it told none: then
    `moment_ms` stays. Else it happened as long before the receipt as, by the client's clock, before the sending, so
    that a moment not after the sending never comes to lie after the receipt, however wrong the clock is. The time
    that the request was on its way, some milliseconds, counts as an error of the clock.
    """
    return moment_ms if clock_ms is None else moment_ms + received_at_ms - clock_ms


def read(value: int | str, field: str = FIELD) -> int:
    """`value` (Unix milliseconds, or ISO 8601 text with its zone) as Unix milliseconds.

    Text is a date and a time in the extended format, to which RFC 3339 belongs; seconds may be left out, as Java does
    where they are 0, and so may the colon and the minutes of the zone, as PHP and strftime do.

    Raises Refused, which names `field`.
    """
    unix_ms = value if isinstance(value, int) else _from_text(value, field)
    if abs(unix_ms) > FARTHEST_MS:
        raise invalid("is out of range: expected Unix time in milliseconds", field)
    return unix_ms


def _from_text(text: str, field: str) -> int:
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise invalid(
            "must be Unix milliseconds as an integer, or ISO 8601 text with a zone such as "
            "2026-02-01T10:00:00.000Z",
            field,
        )
    day, minute, second, fraction, zone = found.groups()
    leap = second == "60"  # RFC 3339 section 5.7; Unix time has no place for it, so it is the next second
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}:{'59' if leap else second or '00'}{zone.upper()}")
        since = moment - _EPOCH
    except (ValueError, OverflowError) as error:
        raise invalid(f"is no moment in time: {error}", field) from None
    milliseconds = int((fraction or ".")[1:4].ljust(3, "0"))
    return since // _MILLISECOND + leap * 1000 + (0 if leap else milliseconds)


def identity_day(unix_ms: int) -> int:
    """UTC day of a client's timestamp in days since 1970-01-01, held within 1970-01-01..2149-06-06."""
    day = unix_ms // MS_PER_DAY
    return day if 0 <= day <= _LAST_DAY else min(max(day, 0), _LAST_DAY)
