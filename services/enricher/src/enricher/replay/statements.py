"""The SQL of a replay: pure, with the range as parameters `begin_ms` and `end_ms`.

What reads `events` has to be run with eventrail.rows.reading.READING_SETTINGS.
"""

from typing import Final

from enricher.replay.past_sessions import PAST_COLUMNS
from eventrail.erasures.tables import REWRITES, spared
from eventrail.rows.events import COLUMNS
from eventrail.rows.reading import TABLE, events_once
from eventrail.rows.stored import STORED_COLUMNS

_NOT_COMPARED: Final = frozenset({"version", "enriched_partition", "enriched_offset", "retention_days"})
"""Of a copy, not of the event: its rank, where it stood on the enriched topic, and how long it is kept."""

_SAME: Final = (
    "raw_partition",
    "raw_offset",
    "raw_index",
    "website_id",
    "event_name",
    "identity_day",
    "event_id",
)
"""What a stored row and a replayed one of the same acceptance have in common."""

COMPARED: Final = tuple(name for name in COLUMNS if name not in _NOT_COMPARED and name not in _SAME)
"""Columns that a replay may find different."""

_REVISION_BITS: Final = 48
_IN_RANGE: Final = (
    "received_at >= fromUnixTimestamp64Milli(toInt64(%(begin_ms)s), 'UTC')"
    " AND received_at < fromUnixTimestamp64Milli(toInt64(%(end_ms)s), 'UTC')"
)


def create_shadow(shadow: str) -> str:
    """A table with the columns of `events`, one row per raw event."""
    return (
        f"CREATE TABLE {shadow} AS {TABLE} ENGINE = MergeTree ORDER BY (raw_partition, raw_offset, raw_index)"
    )


def drop_shadow(shadow: str) -> str:
    return f"DROP TABLE IF EXISTS {shadow}"


def insert_shadow(shadow: str) -> str:
    """For a columnar insert."""
    return f"INSERT INTO {shadow} ({', '.join(STORED_COLUMNS)}) VALUES"


STORED: Final = (
    events_once(
        ("raw_partition", "max(raw_offset)", f"max(bitShiftRight(version, {_REVISION_BITS}))", "count()"),
        _IN_RANGE,
    )
    + " GROUP BY raw_partition"
)
"""Of each partition: its last raw offset in the range, the highest revision, and how many rows."""

STORED_BEFORE: Final = events_once(
    ("count()", "toUnixTimestamp64Milli(max(received_at))"),
    f"{_IN_RANGE} AND raw_partition = %(partition)s AND raw_offset < %(offset)s",
)
"""Rows of the range that stand before an offset, and the latest acceptance among them."""

PAST: Final = (
    events_once(PAST_COLUMNS, f"{_IN_RANGE} AND visitor_id != ''")
    + " ORDER BY raw_partition, raw_offset, raw_index"
)
"""Rows before the range, as PastRow; its own range goes in as parameters."""


def _joined(shadow: str) -> str:
    same = " AND ".join(f"stored.{name} = made.{name}" for name in _SAME)
    return (
        f"({events_once((*COLUMNS, 'copy_rank'), _IN_RANGE)}) AS stored INNER JOIN {shadow} AS made ON {same}"
    )


def _differs(column: str) -> str:
    return f"stored.{column} != made.{column}"


_ANY_DIFFERS: Final = " OR ".join(map(_differs, COMPARED))


def compare(shadow: str) -> str:
    """One row: how many events were found on both sides, how many of them differ, and how many in each of COMPARED."""
    counts = ", ".join(f"countIf({_differs(column)})" for column in COMPARED)
    return f"SELECT count(), countIf({_ANY_DIFFERS}), {counts} FROM {_joined(shadow)}"  # noqa: S608


def examples(shadow: str, column: str, limit: int) -> str:
    """Website, event id, stored and replayed value as text, of the first events that differ in `column`."""
    return (
        f"SELECT stored.website_id, stored.event_id, toString(stored.{column}), toString(made.{column})"  # noqa: S608
        f" FROM {_joined(shadow)} WHERE {_differs(column)}"
        f" ORDER BY stored.raw_partition, stored.raw_offset, stored.raw_index LIMIT {limit}"
    )


def apply(shadow: str) -> str:
    """Writes what differs as copies of revision `revision`; they stand where the stored ones stood.

    What an erasure is about is left alone: it may be stored still, and must not be written again.
    """
    taken = {
        "copy_rank": f"bitShiftLeft(toUInt64(%(revision)s), {_REVISION_BITS})"
        f" + bitAnd(stored.copy_rank, {2**_REVISION_BITS - 1})",
        "enriched_partition": "stored.enriched_partition",
        "enriched_offset": "stored.enriched_offset",
        "retention_days": "stored.retention_days",
    }
    was, spares_was = spared("stored", "was")
    becomes, spares_becomes = spared("made", "becomes")
    values = ", ".join(taken.get(column, f"made.{column}") for column in STORED_COLUMNS)
    return (
        f"INSERT INTO {TABLE} ({', '.join(STORED_COLUMNS)})"  # noqa: S608
        f" SELECT {values} FROM {_joined(shadow)}{was}{becomes}"
        f" WHERE ({_ANY_DIFFERS}) AND {spares_was} AND {spares_becomes}"
    )


def note_rewrite(stage: int) -> str:
    """Tells writers that `apply` may run (1), for `seconds` from now by the engine's clock, or has ended (2)."""
    return (
        f"INSERT INTO {REWRITES} (rewrite_id, stage, ends_by)"
        f" SELECT toUUID(%(rewrite_id)s), {stage:d}, now('UTC') + toIntervalSecond(%(seconds)s)"
    )
