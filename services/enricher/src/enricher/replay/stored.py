"""The door to ClickHouse: what is stored, the shadow table beside it, and the rows that are written anew."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from uuid import uuid4

from clickhouse_driver.errors import ServerException

from enricher.replay import statements
from enricher.replay.past_sessions import LOOKBACK_MS, PastRow
from enricher.replay.time_range import TimeRange
from eventrail.clickhouse import connect, reporting
from eventrail.errors import EventrailError
from eventrail.rows.events import Row
from eventrail.rows.reading import READING_SETTINGS
from eventrail.rows.stored import stored_columns

_TIMEOUT_SECONDS: Final = 3_600.0
_EXAMPLES: Final = 5
_ENDED_IN_TIME: Final = {"max_execution_time": int(_TIMEOUT_SECONDS) - 60, "join_use_nulls": 0}
"""A minute before nobody counts with it any more."""

_PLAIN_INSERT: Final = {"insert_deduplicate": 0, "async_insert": 0, "max_partitions_per_insert_block": 0}


class StoredRefused(EventrailError):
    """ClickHouse refuses a statement of the replay; the message says with which code and why."""


class StoredPartition(NamedTuple):
    """Rows of the range that came from one partition of the raw topic."""

    last_offset: int
    revision: int
    rows: int


class Example(NamedTuple):
    """One event that would change in a column."""

    website_id: str
    event_id: str
    stored: str
    made: str


class Comparison(NamedTuple):
    """`matched` events stand on both sides, `changed` of them differ, `by_column` only where there is any."""

    matched: int
    changed: int
    by_column: dict[str, int]


class Stored:
    """The table `events` in the database of `url`, seen through one range. Its methods block.

    They raise ClickHouseUnavailable or StoredRefused.
    """

    def __init__(self, url: str, within: TimeRange, shadow: str) -> None:
        self._client = connect(url, timeout_seconds=_TIMEOUT_SECONDS)
        self._range = within._asdict()
        self._within = within
        self.shadow = shadow

    def partitions(self) -> dict[int, StoredPartition]:
        """What is stored of the range, by partition of the raw topic."""
        found = self._execute(statements.STORED, self._range)
        return {partition: StoredPartition(*rest) for partition, *rest in found}

    def latest_before(self, partition: int, offset: int) -> int | None:
        """Latest acceptance, in Unix milliseconds, of the range's rows before `offset`; None where there are none."""
        where = {"partition": partition, "offset": offset}
        [(count, latest_ms)] = self._execute(statements.STORED_BEFORE, self._range | where)
        return latest_ms if count else None

    def past(self) -> Iterator[PastRow]:
        """Rows with a visitor that were accepted before the range, in the order of the raw topic's partitions."""
        begin_ms = self._within.begin_ms
        before = {"begin_ms": max(0, begin_ms - LOOKBACK_MS), "end_ms": begin_ms}
        with _judged():
            for values in self._client.execute_iter(statements.PAST, before, settings=READING_SETTINGS):
                yield PastRow(*values)

    def make_shadow(self) -> None:
        self._execute(statements.create_shadow(self.shadow))

    def drop_shadow(self) -> None:
        self._execute(statements.drop_shadow(self.shadow))

    def put(self, rows: Sequence[Row]) -> None:
        """Rows (at least one) into the shadow table."""
        with _judged():
            self._client.execute(
                statements.insert_shadow(self.shadow),
                stored_columns(rows),
                columnar=True,
                settings=_PLAIN_INSERT,
            )

    def compare(self) -> Comparison:
        [(matched, changed, *counts)] = self._execute(statements.compare(self.shadow), self._range)
        by_column = {name: count for name, count in zip(statements.COMPARED, counts, strict=True) if count}
        return Comparison(matched, changed, by_column)

    def examples(self, column: str) -> list[Example]:
        """Up to 5 events that differ in `column`."""
        found = self._execute(statements.examples(self.shadow, column, _EXAMPLES), self._range)
        return [Example(website, str(event_id), stored, made) for website, event_id, stored, made in found]

    def apply(self, revision: int) -> None:
        """Write every event that differs as a copy of `revision`, which wins over all lower ones; erased ones are not.

        Noted before and after, so that an erasure that comes meanwhile is not done before this is.
        """
        noted = {"rewrite_id": str(uuid4()), "seconds": int(_TIMEOUT_SECONDS)}
        self._execute(statements.note_rewrite(1), noted)
        with _judged():
            self._client.execute(
                statements.apply(self.shadow),
                self._range | {"revision": revision},
                settings={**_PLAIN_INSERT, **READING_SETTINGS, **_ENDED_IN_TIME},
            )
        self._execute(statements.note_rewrite(2), noted)

    def close(self) -> None:
        self._client.disconnect()

    def _execute(self, sql: str, parameters: dict[str, Any] | None = None) -> list[Any]:
        with _judged():
            found: list[Any] = self._client.execute(sql, parameters, settings=READING_SETTINGS)
            return found


@contextmanager
def _judged() -> Iterator[None]:
    try:
        with reporting():
            yield
    except ServerException as error:
        first_line = str(error.message).partition("\n")[0]
        raise StoredRefused(f"ClickHouse refuses with code {error.code}: {first_line}") from error
