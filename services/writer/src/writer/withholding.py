"""Which rows of a batch must not be written, because somebody asked to forget them. No IO."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from eventrail.erasures.request import Cover, Erasure
from eventrail.rows.columns import taken, values_of
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


class Memory:
    """All that is remembered of all websites, for as long as it is no more than `most` events and as many visitors.

    Past that it is `full` for good: it forgets, and the tables have to be asked for each batch.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._events: dict[EventKey, UUID] = {}
        self._visitors: dict[VisitorKey, list[Cover]] = {}
        self._ids: dict[UUID, UUID] = {}
        self.full = most == 0

    def add_events(self, erased: Iterable[Erased]) -> None:
        """Events that were erased, or are to be by their ids; each may come again."""
        if not self.full:
            for website, event, erasure in erased:
                self._events[website, event] = self._ids.setdefault(erasure, erasure)
            self._check()

    def add_visitors(self, erasures: Iterable[Erasure]) -> None:
        """What requests say of visitors; each may come again."""
        for erasure in () if self.full else erasures:
            cover = erasure.cover
            for visitor in erasure.visitor_ids:
                covers = self._visitors.setdefault((erasure.website_id, visitor), [])
                if cover not in covers:
                    covers.append(cover)
        self._check()

    def known(self) -> Known:
        """All of it; not to be asked when it is full."""
        return Known(self._events, self._visitors)

    def _check(self) -> None:
        self.full = self.full or max(len(self._events), len(self._visitors)) > self._most
        if self.full:
            self._events, self._visitors, self._ids = {}, {}, {}


@dataclass(frozen=True, slots=True)
class Split:
    """`kept` may be written; `erased` are the events of all others, each once."""

    kept: Sequence[Row]
    erased: list[Erased]


def concerned(rows: Sequence[Row], websites: set[str]) -> list[Row]:
    """The rows of `websites`."""
    if not websites:
        return []
    return [rows[number] for number, site in enumerate(values_of(rows, "website_id")) if site in websites]


def without(rows: Sequence[Row], websites: set[str], gone: AbstractSet[EventKey]) -> Sequence[Row]:
    """The rows of all events but `gone`, which are events of `websites`."""
    sites = enumerate(values_of(rows, "website_id"))
    return taken(
        rows,
        [number for number, site in sites if site not in websites or event_key(rows[number]) not in gone],
    )


def event_key(row: Row) -> EventKey:
    return row[_WEBSITE], row[_EVENT]


def event_keys(rows: Iterable[Row]) -> set[EventKey]:
    return {event_key(row) for row in rows}


def visitor_keys(rows: Iterable[Row]) -> set[VisitorKey]:
    """Of the rows that have a visitor."""
    return {(row[_WEBSITE], row[_VISITOR]) for row in rows if row[_VISITOR]}


def split(rows: Sequence[Row], known: Known) -> Split:
    """Tell the rows that may be written from those of erased events.

    An event of which one copy is meant is erased as a whole: all of its copies here go with it.
    """
    found: dict[EventKey, UUID] = {}
    for row in rows:
        key = event_key(row)
        erasure_id = known.events.get(key) or _meant(row, known)
        if erasure_id is not None:
            found.setdefault(key, erasure_id)
    kept, erased = [], dict[EventKey, Erased]()
    for row in rows:
        key = event_key(row)
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

    async def withhold(self, rows: Sequence[Row]) -> Sequence[Row]:
        """All of them."""
        return rows

    async def recall(self, rows: Sequence[Row]) -> None:
        """Does nothing."""
