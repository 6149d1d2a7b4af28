"""How a row stands in the table `events`: fewer bytes, the same facts (docs/adr/0016-the-events-table.md).

The table works every name of COLUMNS out of what is written here, so readers use those names; only who inserts
uses STORED_COLUMNS. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from operator import sub
from typing import Any, Final
from uuid import UUID

from eventrail.clock import MS_PER_DAY
from eventrail.rows.events import COLUMNS, Row, days_of

SEPARATOR: Final = "\x1f"
"""Between the parts of `place` and `device`. Both come from our own tables, so one inside of a part means nothing."""

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
    return time_of_id(event_id.int // _HALF, event_id.int % _HALF, days_of(identity_day))


def time_of_id(high: int, low: int, days: int) -> int:
    """`id_time` of an id by its halves of 64 bits, and of a day by its distance from 1970-01-01."""
    unix_ms = high >> 16
    if high >> 12 & 15 == 7 and low >> 62 == 2 and unix_ms // MS_PER_DAY == days:
        return unix_ms
    return days * MS_PER_DAY


@lru_cache(maxsize=4096)
def joined(parts: tuple[Any, ...]) -> str:
    """The text of `place` or `device` that holds these parts."""
    text = SEPARATOR.join(map(str, parts))
    if text.count(SEPARATOR) == len(parts) - 1:
        return text
    return SEPARATOR.join(str(part).replace(SEPARATOR, "\ufffd") for part in parts)


def other_url(url: str, host: str, path: str, query: str) -> str:
    """`url`, or "" where the table works it out of the others."""
    if not host:
        return url
    return "" if url == f"https://{host}{path}{'?' if query else ''}{query}" else url


def copy_ranks(versions: Iterable[int], times: Iterable[int]) -> list[int]:
    """The column `copy_rank` of rows with these versions and times of their ids."""
    return [version + time - _RANK_SHIFT for version, time in zip(versions, times, strict=True)]


def start_offsets(started_at_ms: Iterable[int], session_highs: Iterable[int]) -> list[int]:
    """The column `session_start_offset`, by the first halves of the sessions' ids."""
    return [start - (high >> 16) for start, high in zip(started_at_ms, session_highs, strict=True)]


def other_event_data(shapes: Iterable[str], texts: Iterable[str]) -> list[str]:
    """The column of that name: "" where the shape and the properties tell the text."""
    return ["" if shape else text for shape, text in zip(shapes, texts, strict=True)]


def _all_joined(facts: Facts, names: tuple[str, ...]) -> list[str]:
    return [joined(parts) for parts in zip(*(facts[name] for name in names), strict=True)]


def _made(facts: Facts) -> dict[str, Sequence[Any]]:
    ids, times = facts["event_id"], list(map(id_time, facts["event_id"], facts["identity_day"]))
    pages = (facts[name] for name in ("url", "host", "path", "query"))
    return {
        "event_id_high": [one.int // _HALF for one in ids],
        "event_id_low": [one.int % _HALF for one in ids],
        "timestamp_offset": list(map(sub, facts["timestamp"], times)),
        "copy_rank": copy_ranks(facts["version"], times),
        "session_start_offset": start_offsets(
            facts["session_started_at"], [one.int // _HALF for one in facts["session_id"]]
        ),
        "other_url": list(map(other_url, *pages)),
        "place": _all_joined(facts, _PLACE),
        "device": _all_joined(facts, _DEVICE),
        "other_event_data": other_event_data(facts["event_shape"], facts["event_data"]),
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
