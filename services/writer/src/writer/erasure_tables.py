"""The door to ClickHouse for erasures: what is to be forgotten is remembered, looked up, and deleted."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Final, TypeVar
from uuid import UUID

from eventrail.erasures import tables
from eventrail.erasures.request import Cover, Erasure
from eventrail.rows.events import LATEST_MS
from eventrail.rows.reading import READING_SETTINGS, events_once
from writer.cluster import rows_of
from writer.connection import Connection
from writer.errors import RowsRefused, TableFault
from writer.table import judged
from writer.withholding import Erased, EventKey, Known, VisitorKey

T = TypeVar("T")

TOGETHER: Final = 10_000
"""Events that one statement looks for or deletes."""

_LOOKED_UP_TOGETHER: Final = 5_000
_THERE: Final = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN %(names)s"
_DONE: Final = f"SELECT erasure_id FROM {tables.REQUESTS} WHERE stage = {tables.DONE}"  # noqa: S608 - our own words
_REWRITES: Final = (
    f"SELECT count() FROM {tables.REWRITES} FINAL"  # noqa: S608
    f" WHERE stage = {tables.RUNNING} AND ends_by > now('UTC')"
)
# Thousands of keys in one literal each: as a list of literals they take ten times as long to be read. Ids go in as they
# are, because the driver looks at each character of a parameter.
_KNOWN_EVENTS: Final = (
    f"SELECT website_id, event_id, erasure_id FROM {tables.EVENTS}"  # noqa: S608
    " WHERE website_id IN %(websites)s"
    " AND event_id IN (SELECT toUUID(arrayJoin(splitByChar(',', '{events}'))))"
)
_SINCE: Final = (
    f"SELECT website_id, event_id, erasure_id, toUnixTimestamp64Milli(at) FROM {tables.EVENTS}"  # noqa: S608
    " WHERE at >= fromUnixTimestamp64Milli(toInt64(%(since)s), 'UTC') LIMIT %(most)s"
)
_KNOWN_VISITORS: Final = (
    "SELECT website_id, visitor_id, erasure_id, toUnixTimestamp64Milli(covers_until), raw_ends"  # noqa: S608
    f" FROM {tables.VISITORS} WHERE website_id IN %(websites)s"
    " AND visitor_id IN (SELECT arrayJoin(JSONExtract(%(visitors)s, 'Array(String)')))"
)
_PUT_REQUESTS: Final = (
    f"INSERT INTO {tables.REQUESTS}"
    " (website_id, erasure_id, requested_at, covers_until, visitors, events, stage, at) VALUES"
)
_PUT_VISITORS: Final = (
    f"INSERT INTO {tables.VISITORS} (website_id, visitor_id, erasure_id, covers_until, raw_ends) VALUES"
)
_PUT_EVENTS: Final = f"INSERT INTO {tables.EVENTS} (website_id, event_id, erasure_id, seen) VALUES"
_ENGINE: Final = (
    "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'events'"
)
_DELETE: Final = "DELETE FROM {rows} WHERE {condition}"
_FREE_THE_DISK: Final = "ALTER TABLE {rows} APPLY DELETED MASK"

_LONG: Final = {"max_query_size": 16 * 1024 * 1024}
"""A request may be 100 KB of ids, and the keys of a batch more."""

_READING: Final = {**_LONG, **READING_SETTINGS}
_DELETING: Final = {**_LONG, "lightweight_deletes_sync": 2}
_PLAIN_INSERT: Final = {"insert_deduplicate": 0, "async_insert": 0, "distributed_foreground_insert": 1}


class ErasureTables:
    """The tables in the database of `url`; one query at a time, also when called from several threads.

    Every method blocks, may be called again with the same arguments, and raises ClickHouseUnavailable, or TableFault
    where a table or a right is missing.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._connection = Connection(url, timeout_seconds=timeout_seconds)
        self._rows = ""

    def verify(self) -> None:
        """Raises TableFault that names the tables that are missing."""
        there = {name for (name,) in self._execute(_THERE, {"names": tables.ALL})}
        missing = [name for name in tables.ALL if name not in there]
        if missing:
            raise TableFault(f"table {' and '.join(missing)} does not exist; run: python -m writer migrate")

    def done(self) -> set[UUID]:
        """The requests that are done."""
        return {erasure_id for (erasure_id,) in self._execute(_DONE)}

    def remember(self, erasures: Sequence[Erasure], now_ms: int) -> None:
        """From now on, `known` tells of `erasures`."""
        self._insert(
            _PUT_VISITORS,
            [
                (one.website_id, visitor, one.erasure_id, _kept(one.covers_until_ms), dict(one.raw_ends))
                for one in erasures
                for visitor in one.visitor_ids
            ],
        )
        self._insert(
            _PUT_EVENTS,
            [(one.website_id, event, one.erasure_id, 0) for one in erasures for event in one.event_ids],
        )
        self._insert(_PUT_REQUESTS, [_request(one, tables.RUNNING, now_ms) for one in erasures])

    def finish(self, erasures: Sequence[Erasure], now_ms: int) -> None:
        """The requests are done; their bytes leave the disk soon after, as the engine finds time."""
        self._execute(_FREE_THE_DISK.format(rows=self._where_rows_are()), None, {"mutations_sync": 0})
        self._insert(_PUT_REQUESTS, [_request(one, tables.DONE, now_ms) for one in erasures])

    def rewrites(self) -> int:
        """How many statements may just be copying rows of the table into it."""
        [(count,)] = self._execute(_REWRITES)
        return int(count)

    def erased_since(self, since_ms: int, most: int) -> tuple[list[Erased], int]:
        """Up to `most` events that were remembered from `since_ms` (Unix milliseconds) by the engine's clock on.

        And the latest such moment, `since_ms` where there is none.
        """
        found = self._execute(_SINCE, {"since": since_ms, "most": most})
        return [Erased(*values[:3]) for values in found], max(
            (values[3] for values in found), default=since_ms
        )

    def known(self, events: Collection[EventKey], visitors: Collection[VisitorKey]) -> Known:
        """What is remembered of these."""
        found_events: dict[EventKey, UUID] = {}
        found_visitors: dict[VisitorKey, list[Cover]] = {}
        for part in _parts(events, _LOOKED_UP_TOGETHER):
            for website, event, erasure in self._known_events(part):
                found_events[website, event] = erasure
        for visitor_part in _parts(visitors, _LOOKED_UP_TOGETHER):
            for website, visitor, *cover in self._known_visitors(visitor_part):
                found_visitors.setdefault((website, visitor), []).append(Cover(*cover))
        return Known(found_events, found_visitors)

    def sweep(self, erasure: Erasure) -> int:
        """Delete what is stored of `erasure` and remember which events that were; returns how many."""
        total = 0
        while found := self._find(erasure):
            self._mark([Erased(erasure.website_id, event, erasure.erasure_id) for event in found])
            self._delete(*tables.covered(erasure, found))
            total += len(found)
        # Copies that lost to one of another visitor are seen by no answer, and are deleted all the same.
        self._delete(*tables.covered(erasure))
        return total

    def forget(self, erased: Sequence[Erased], *, stored: bool = False) -> None:
        """Remember that these events came in, and delete every copy that is stored; `stored`: one is for certain."""
        self._mark(erased)
        by_website = groupby(sorted(erased, key=attrgetter("website_id")), attrgetter("website_id"))
        for website_id, of_website in by_website:
            for part in _parts(list(of_website), TOGETHER):
                ids = tables.uuids(one.event_id for one in part)
                condition = f"website_id = %(website_id)s AND event_id IN ({ids})"
                parameters = {"website_id": website_id}
                if stored or self._execute(f"{events_once(['1'], condition)} LIMIT 1", parameters, _READING):
                    self._delete(condition, parameters)

    def close(self) -> None:
        """Break off what other threads do here; from then on each call raises ClickHouseUnavailable. Blocks briefly."""
        self._connection.close()

    def _find(self, erasure: Erasure) -> set[UUID]:
        condition, parameters = tables.covered(erasure)
        found = self._execute(
            f"{events_once(['event_id'], condition)} LIMIT {TOGETHER:d}", parameters, _READING
        )
        return {event_id for (event_id,) in found}

    def _mark(self, erased: Iterable[Erased]) -> None:
        self._insert(_PUT_EVENTS, [(*one, 1) for one in erased])

    def _delete(self, condition: str, parameters: Any) -> None:
        sql = _DELETE.format(rows=self._where_rows_are(), condition=condition)
        self._execute(sql, parameters, _DELETING)

    def _where_rows_are(self) -> str:
        if not self._rows:
            [(engine,)] = self._execute(_ENGINE)
            self._rows = rows_of("events", engine)
        return self._rows

    def _known_events(self, keys: Sequence[EventKey]) -> list[Any]:
        websites = tuple({website for website, _ in keys})
        sql = _KNOWN_EVENTS.format(events=",".join(str(event) for _, event in keys))
        return self._execute(sql, {"websites": websites}, _LONG)

    def _known_visitors(self, keys: Sequence[VisitorKey]) -> list[Any]:
        websites = tuple({website for website, _ in keys})
        visitors = json.dumps([visitor for _, visitor in keys])
        return self._execute(_KNOWN_VISITORS, {"websites": websites, "visitors": visitors}, _LONG)

    def _insert(self, sql: str, rows: list[Any]) -> None:
        if rows:
            self._execute(sql, rows, _PLAIN_INSERT)

    def _execute(self, sql: str, values: Any = None, settings: Mapping[str, int] | None = None) -> list[Any]:
        with _never_about_rows(), judged():
            return self._connection.execute(sql, values, settings=settings)


def _request(erasure: Erasure, stage: int, now_ms: int) -> tuple[Any, ...]:
    times = _kept(erasure.requested_at_ms), _kept(erasure.covers_until_ms)
    counts = len(erasure.visitor_ids), len(erasure.event_ids)
    return (erasure.website_id, erasure.erasure_id, *times, *counts, stage, now_ms)


def _kept(unix_ms: int) -> int:
    return min(unix_ms, LATEST_MS)


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


@contextmanager
def _never_about_rows() -> Iterator[None]:
    try:
        yield
    except RowsRefused as error:
        raise TableFault(f"an erasure cannot be carried out: {error}") from error
