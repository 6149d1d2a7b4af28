"""Which rows of a batch must not be written, because somebody asked to forget them. No IO."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from eventrail.erasures.request import Cover
from eventrail.rows.events import COLUMNS, Row

_WEBSITE: Final = COLUMNS.index("website_id")
_EVENT: Final = COLUMNS.index("event_id")
_VISITOR: Final = COLUMNS.index("visitor_id")
_RECEIVED_AT: Final = COLUMNS.index("received_at")
_RAW_PARTITION: Final = COLUMNS.index("raw_partition")
_RAW_OFFSET: Final = COLUMNS.index("raw_offset")

EventKey = tuple[str, UUID]
"""Website and event id: what all copies of an event have in common."""

VisitorKey = tuple[str, str]
"""Website and visitor id."""


class Erased(NamedTuple):
    """An event that an erasure means."""

    website_id: str
    event_id: UUID
    erasure_id: UUID


@dataclass(frozen=True, slots=True)
class Known:
    """What the tables remember of the events and visitors of some rows."""

    events: Mapping[EventKey, UUID] = field(default_factory=dict)
    visitors: Mapping[VisitorKey, Sequence[Cover]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Split:
    """`kept` may be written; `erased` are the events of all others, each once."""

    kept: list[Row]
    erased: list[Erased]


def concerned(rows: Iterable[Row], websites: set[str]) -> list[Row]:
    """The rows of `websites`."""
    return [row for row in rows if row[_WEBSITE] in websites] if websites else []


def event_keys(rows: Iterable[Row]) -> set[EventKey]:
    return {(row[_WEBSITE], row[_EVENT]) for row in rows}


def visitor_keys(rows: Iterable[Row]) -> set[VisitorKey]:
    """Of the rows that have a visitor."""
    return {(row[_WEBSITE], row[_VISITOR]) for row in rows if row[_VISITOR]}


def split(rows: Sequence[Row], known: Known) -> Split:
    """Tell the rows that may be written from those of erased events.

    An event of which one copy is meant is erased as a whole: all of its copies here go with it.
    """
    found = dict(known.events)
    for row in rows:
        erasure_id = _meant(row, known)
        if erasure_id is not None:
            found.setdefault((row[_WEBSITE], row[_EVENT]), erasure_id)
    kept, erased = [], dict[EventKey, Erased]()
    for row in rows:
        key = row[_WEBSITE], row[_EVENT]
        if key in found:
            erased[key] = Erased(*key, found[key])
        else:
            kept.append(row)
    return Split(kept, list(erased.values()))


def _meant(row: Row, known: Known) -> UUID | None:
    covers = known.visitors.get((row[_WEBSITE], row[_VISITOR]), ())
    place = row[_RECEIVED_AT], row[_RAW_PARTITION], row[_RAW_OFFSET]
    return next((cover.erasure_id for cover in covers if cover.covers(*place)), None)


class NoErasures:
    """For a writer to which nobody says what to forget: every row may be written."""

    async def withhold(self, rows: list[Row]) -> list[Row]:
        """All of them."""
        return rows

    async def recall(self, rows: list[Row]) -> None:
        """Does nothing."""
