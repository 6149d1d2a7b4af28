"""Which copy of an event the table keeps. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from eventrail.rows.reading import READING_SETTINGS, events_once
from query_api.events_table import Statement
from query_api.live.decoded import Columns

Key = tuple[str, str, date, UUID]
"""Website, name, identity day and id: what all copies of an event share."""

RawPlace = tuple[int, int, int]
"""Partition, offset and index on the raw topic."""

_KEY: Final = ("website_id", "event_name", "identity_day", "event_id")
_PLACE: Final = ("raw_partition", "raw_offset", "raw_index")


def key(event: Columns) -> Key:
    """What `event` shares with all its copies."""
    return event["website_id"], event["event_name"], event["identity_day"], event["event_id"]


def place(event: Columns) -> RawPlace:
    """Where this copy stood on the raw topic."""
    return event["raw_partition"], event["raw_offset"], event["raw_index"]


def statement(events: Sequence[Columns]) -> Statement:
    """Rows of the key and the raw place of the winning copies; perhaps of more events than these.

    Each part of the sort key is narrowed by itself, which the primary index can use.
    """
    where = " AND ".join(f"{column} IN %({column})s" for column in _KEY)
    values = {column: tuple({str(event[column]) for event in events}) for column in _KEY}
    return Statement(
        "live_stored", events_once([*_KEY, *_PLACE], where), values, {**READING_SETTINGS, "max_threads": 1}
    )


def winners(rows: Sequence[Any]) -> dict[Key, RawPlace]:
    """The rows of the statement by key."""
    return {(row[0], row[1], row[2], row[3]): (row[4], row[5], row[6]) for row in rows}
