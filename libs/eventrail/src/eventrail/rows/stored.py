"""How a row stands in the table `events`: fewer bytes, the same facts (docs/adr/0016-the-events-table.md).

The table works every name of COLUMNS out of what is written here, so readers use those names; only who inserts
uses STORED_COLUMNS. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from operator import sub
from typing import Any, Final
from uuid import UUID

from eventrail.clock import MS_PER_DAY
from eventrail.rows.events import COLUMNS, Row

SEPARATOR: Final = "\x1f"
"""Between the parts of `place` and `device`. Both come from our own tables, so one inside of a part means nothing."""

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_HALF: Final = 1 << 64
_RANK_SHIFT: Final = 1 << 47
_PLACE: Final = ("country", "region", "city")
_DEVICE: Final = (
    "browser",
    "browser_version",
    "os",
    "os_version",
    "device_type",
    "screen_width",
    "screen_height",
)
_MADE_ANEW: Final = frozenset(
    {"event_id", "timestamp", "received_at", "version", "session_started_at", "url", "event_data"}
    | {*_PLACE, *_DEVICE}
)

Facts = Mapping[str, Sequence[Any]]
"""A sequence of values for each of COLUMNS."""


def id_time(event_id: UUID, identity_day: date) -> int:
    """What the sort key says of the time, in Unix milliseconds: the time of a UUIDv7 of that day, else its beginning.

    All copies of an event agree on it. The table's column `id_time` follows the same rule.
    """
    bits = event_id.int
    days = identity_day.toordinal() - _EPOCH_ORDINAL
    unix_ms = bits >> 80
    if bits >> 76 & 15 == 7 and bits >> 62 & 3 == 2 and unix_ms // MS_PER_DAY == days:
        return unix_ms
    return days * MS_PER_DAY


def _joined(parts: tuple[Any, ...]) -> str:
    text = SEPARATOR.join(map(str, parts))
    if text.count(SEPARATOR) == len(parts) - 1:
        return text
    return SEPARATOR.join(str(part).replace(SEPARATOR, "\ufffd") for part in parts)


def _all_joined(facts: Facts, names: tuple[str, ...]) -> list[str]:
    return [_joined(parts) for parts in zip(*(facts[name] for name in names), strict=True)]


def _other_url(url: str, host: str, path: str, query: str) -> str:
    if not host:
        return url
    return "" if url == f"https://{host}{path}{'?' if query else ''}{query}" else url


def _start_offset(started_at_ms: int, session_id: UUID) -> int:
    return started_at_ms - (session_id.int >> 80)


def _made(facts: Facts) -> dict[str, Sequence[Any]]:
    ids, times = facts["event_id"], list(map(id_time, facts["event_id"], facts["identity_day"]))
    pages = (facts[name] for name in ("url", "host", "path", "query"))
    return {
        "event_id_high": [one.int // _HALF for one in ids],
        "event_id_low": [one.int % _HALF for one in ids],
        "timestamp_offset": list(map(sub, facts["timestamp"], times)),
        "copy_rank": [
            version + time - _RANK_SHIFT for version, time in zip(facts["version"], times, strict=True)
        ],
        "session_start_offset": list(map(_start_offset, facts["session_started_at"], facts["session_id"])),
        "other_url": list(map(_other_url, *pages)),
        "place": _all_joined(facts, _PLACE),
        "device": _all_joined(facts, _DEVICE),
        "other_event_data": [
            "" if shape else text
            for shape, text in zip(facts["event_shape"], facts["event_data"], strict=True)
        ],
    }


_AS_IT_IS: Final = tuple(name for name in COLUMNS if name not in _MADE_ANEW)

STORED_COLUMNS: Final = (
    *_AS_IT_IS,
    "event_id_high",
    "event_id_low",
    "timestamp_offset",
    "copy_rank",
    "session_start_offset",
    "other_url",
    "place",
    "device",
    "other_event_data",
)
"""Every column that is written, in the order of `stored_columns`."""


def stored_columns(rows: Iterable[Row]) -> list[Sequence[Any]]:
    """`rows` (at least one) as the values of each of STORED_COLUMNS, for a columnar insert."""
    facts: Facts = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    made = _made(facts)
    return [made[name] if name in made else facts[name] for name in STORED_COLUMNS]
