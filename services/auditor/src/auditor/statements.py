"""The ledger's SQL. Numbers are written into the text; they are ints, and nothing else gets in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from auditor.checkpoints import Place, Places
from auditor.entries import RawEntry, RejectedEntry
from eventrail.erasures.tables import EVENTS as ERASED
from eventrail.rows.reading import READING_SETTINGS, SORT_KEY, events_once, settings_clause

TABLES: Final = (
    "ledger_raw",
    "ledger_rejected",
    "ledger_logs",
    "ledger_expired",
    "ledger_minutes",
    "events",
    ERASED,
)
"""What must be there; `python -m writer migrate` makes them."""


class Log(NamedTuple):
    """A row of `ledger_logs`: which log a partition is now, and up to where it is settled."""

    raw_partition: int
    raw_log: int
    settled: Place


class Expired(NamedTuple):
    """A row of `ledger_expired`; the offsets from `first` to before `end`. `minute` in Unix seconds."""

    raw_partition: int
    raw_log: int
    first: int
    end: int
    unread: int
    minute: int

    def touches(self, other: "Expired") -> bool:
        """Whether the two, of one log, overlap or follow each other without a hole."""
        return self[:2] == other[:2] and self.first <= other.end and other.first <= self.end


@dataclass(frozen=True, slots=True)
class Slice:
    """Events that one query looks up: those of `minutes` (Unix seconds); of them each `parts`-th offset."""

    minutes: tuple[int, ...]
    part: int = 0
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """What the offsets say at the time of a query."""

    passed: Places
    settled: Places
    expired: tuple[Expired, ...] = ()


def insert(table: str, columns: Iterable[str]) -> str:
    """`INSERT` of rows with these columns."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES"


INSERT_RAW: Final = insert("ledger_raw", RawEntry._fields)
INSERT_REJECTED: Final = insert("ledger_rejected", RejectedEntry._fields)
INSERT_LOGS: Final = insert(
    "ledger_logs", ("raw_partition", "raw_log", "settled_log", "settled_offset", "updated_at")
)
INSERT_EXPIRED: Final = insert(
    "ledger_expired", ("raw_partition", "raw_log", "first_offset", "end_offset", "unread", "minute")
)
INSERT_MINUTES: Final = insert("ledger_minutes", ("minute", "stage", "outcome", "events", "computed_at"))

THERE: Final = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN %(names)s"
LOGS: Final = "SELECT raw_partition, raw_log, settled_log, settled_offset FROM ledger_logs FINAL"
EXPIRED: Final = """
SELECT raw_partition, raw_log, first_offset, end_offset, unread, toUnixTimestamp(minute) FROM ledger_expired FINAL
"""
MINUTES: Final = """
SELECT toUnixTimestamp(minute), count(), toUnixTimestamp(max(read_at)) FROM ledger_raw
WHERE read_at >= now() - INTERVAL %(hours)s HOUR
GROUP BY minute
"""
RESULTS: Final = """
SELECT toUnixTimestamp(minute), toString(stage), outcome, events FROM ledger_minutes FINAL
WHERE minute >= fromUnixTimestamp(%(first)s)
"""


def facts(within: Slice, standing: Standing) -> str:
    """Rows of minute, what balance.Facts has (as numbers, in its order), and how many events."""
    return f"""
SELECT toUnixTimestamp(minute), passed, settled, found, refused, expired, erased, count()
FROM ({_told(within, standing)})
GROUP BY minute, passed, settled, found, refused, expired, erased{_SETTINGS}"""  # noqa: S608 - our own words


def unaccounted(within: Slice, standing: Standing, most: int) -> str:
    """Up to `most` events that balance.outcome calls unaccounted: partition, offset, index, website, event id."""
    return f"""
SELECT raw_partition, raw_offset, raw_index, website_id, event_id
FROM ({_told(within, standing)})
WHERE settled AND found = 0 AND refused = 0 AND NOT expired AND NOT erased
ORDER BY minute, raw_partition, raw_offset, raw_index
LIMIT {most:d}{_SETTINGS}"""  # noqa: S608


_SETTINGS: Final = settings_clause({**READING_SETTINGS, "join_use_nulls": 0})
_IDENTITY: Final = ", ".join(SORT_KEY)


def _told(within: Slice, standing: Standing) -> str:
    """Each raw event of the slice with what is known of it.

    The right side of each join holds no more than what the slice asks for: its identities are looked up by the
    sort key of `events`, its places by that of `ledger_rejected`.
    """
    where = _where(within)
    wanted = f"({_IDENTITY}) GLOBAL IN (SELECT {_IDENTITY} FROM ledger_raw WHERE {where})"  # noqa: S608
    columns = [*SORT_KEY, "raw_partition", "raw_offset", "raw_index", "toUInt8(1) AS there"]
    return f"""
SELECT
    l.minute AS minute, l.raw_partition AS raw_partition, l.raw_offset AS raw_offset, l.raw_index AS raw_index,
    l.website_id AS website_id, l.event_id AS event_id,
    {_before(standing.passed)} AS passed,
    {_before(standing.settled)} AS settled,
    multiIf(
        e.there = 0, 0,
        (e.raw_partition, e.raw_offset, e.raw_index) = (l.raw_partition, l.raw_offset, l.raw_index), 2, 1
    ) AS found,
    multiIf(p.there = 1, p.refused_by, i.there = 1, 2, 0) AS refused,
    {_in_ranges(standing.expired)} AS expired,
    x.there AS erased
FROM (SELECT * FROM ledger_raw FINAL WHERE {where}) AS l
LEFT JOIN ({events_once(columns, wanted)}) AS e USING ({_IDENTITY})
LEFT JOIN
(
    SELECT raw_partition, raw_offset, raw_index, event_id, min(toInt8(stage)) AS refused_by, toUInt8(1) AS there
    FROM ledger_rejected
    WHERE (raw_partition, raw_offset) GLOBAL IN (SELECT raw_partition, raw_offset FROM ledger_raw WHERE {where})
    GROUP BY raw_partition, raw_offset, raw_index, event_id
) AS p ON l.raw_partition = p.raw_partition AND l.raw_offset = p.raw_offset
    AND l.raw_index = p.raw_index AND l.event_id = p.event_id
LEFT JOIN
(
    SELECT DISTINCT website_id, event_id, toUInt8(1) AS there
    FROM ledger_rejected
    WHERE stage = 'writer' AND event_id != toUUID('00000000-0000-0000-0000-000000000000')
        AND (website_id, event_id) GLOBAL IN (SELECT website_id, event_id FROM ledger_raw WHERE {where})
) AS i ON l.website_id = i.website_id AND l.event_id = i.event_id
LEFT JOIN
(
    SELECT DISTINCT website_id, event_id, toUInt8(1) AS there
    FROM {ERASED}
    WHERE (website_id, event_id) GLOBAL IN (SELECT website_id, event_id FROM ledger_raw WHERE {where})
) AS x ON l.website_id = x.website_id AND l.event_id = x.event_id"""  # noqa: S608


def _where(within: Slice) -> str:
    minutes = ", ".join(f"{minute:d}" for minute in within.minutes)
    part = f" AND raw_offset % {within.parts:d} = {within.part:d}" if within.parts > 1 else ""
    return f"minute IN ({minutes}){part}"


def _before(places: Places) -> str:
    """Whether an event lies before the place of its partition."""
    count = max(places, default=-1) + 1
    nowhere = Place(0, 0)
    known = [places.get(partition, nowhere) for partition in range(count)]
    logs, offsets = (_array([place[which] for place in known]) for which in (0, 1))
    at = "[l.raw_partition + 1]"
    return f"(toInt64(l.raw_log), l.raw_offset) < ({logs}{at}, {offsets}{at})"


def _array(numbers: Sequence[int]) -> str:
    return f"CAST([{', '.join(f'{number:d}' for number in numbers)}], 'Array(Int64)')"


def _in_ranges(ranges: Sequence[Expired]) -> str:
    return " OR ".join([_in_range(one) for one in ranges]) or "toUInt8(0)"


def _in_range(one: Expired) -> str:
    return (
        f"(l.raw_partition = {one.raw_partition:d} AND l.raw_log = {one.raw_log:d} "
        f"AND l.raw_offset >= {one.first:d} AND l.raw_offset < {one.end:d})"
    )
