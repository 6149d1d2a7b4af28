"""The door to ClickHouse: which events are stored, which were replayed before, and the record of what is done now."""

import os
import platform
import pwd
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from clickhouse_driver.errors import ErrorCodes, ServerException

from eventrail import __version__
from eventrail.clickhouse import connect, reporting
from eventrail.erasures.tables import EVENTS as ERASED
from eventrail.errors import ClickHouseUnavailable, ConfigurationError
from eventrail.rejected.identity import Identity
from eventrail.rejected.names import reason_name, stage_name
from eventrail.rejected.plan import Origin, Planned
from eventrail.rejected.trace import Outcome, Place, Run
from eventrail.rows.events import LATEST_MS
from eventrail.rows.reading import SORT_KEY, events_once, settings_clause

TABLE: Final = "rejected_replays"

_KEY: Final = f"({', '.join(SORT_KEY)})"
_STORED: Final = events_once(SORT_KEY, f"{_KEY} IN %(wanted)s") + settings_clause()
_ERASED: Final = f"SELECT website_id, event_id FROM {ERASED} WHERE (website_id, event_id) IN %(wanted)s"  # noqa: S608
_REPLAYED: Final = (
    "SELECT source_topic, source_partition, source_offset, source_index, original_digest"  # noqa: S608 - our own words
    f" FROM {TABLE} WHERE outcome = 'sent'"
    " AND (source_topic, source_partition, source_offset, source_index) IN %(wanted)s"
)
_COLUMNS: Final = (
    "at, outcome, replay_id, os_user, host, software_version, rejected_partition, rejected_offset, rejected_at,"
    " stage, reason, source_topic, source_partition, source_offset, source_index, original_digest, patch_digest,"
    " website_id, event_name, identity_day, event_id, topic, partition, offset"
)
_INSERT: Final = f"INSERT INTO {TABLE} ({_COLUMNS}) VALUES"
_NOT_MIGRATED: Final = frozenset(
    {ErrorCodes.UNKNOWN_TABLE, ErrorCodes.UNKNOWN_DATABASE, ErrorCodes.NO_SUCH_COLUMN_IN_TABLE}
)
_UNKNOWN: Final = -1


def whoami() -> tuple[str, str]:
    """Name of the user that this process runs as, and of this machine."""
    number = os.geteuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:  # a container may run as a number without a name
        user = str(number)
    return user, platform.node()


class Audit:
    """The tables `events` and `erased_events` (read only) and `rejected_replays` in `url`. Its methods block.

    They raise ClickHouseUnavailable, or ConfigurationError where a table or a right is missing.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 30.0) -> None:
        self._client = connect(url, timeout_seconds=timeout_seconds)

    def stored(self, wanted: Collection[Identity]) -> set[Identity]:
        """Those of `wanted` that the table has."""
        found = self._execute(_STORED, {"wanted": list(map(tuple, wanted))}) if wanted else []
        return {Identity(*values) for values in found}

    def erased(self, wanted: Collection[Identity]) -> set[Identity]:
        """Those of `wanted` that were erased, or are to be, by their ids."""
        keys = {(one.website_id, one.event_id) for one in wanted}
        found = set(self._execute(_ERASED, {"wanted": list(keys)})) if wanted else set()
        return {one for one in wanted if (one.website_id, one.event_id) in found}

    def replayed(self, wanted: Collection[Origin]) -> set[Origin]:
        """Those of `wanted` whose bytes were sent before, by whomever."""
        places = [tuple(origin)[:-1] for origin in wanted]
        found = self._execute(_REPLAYED, {"wanted": places}) if wanted else []
        return {Origin(*values) for values in found}.intersection(wanted)

    def note(
        self, run: Run, outcome: Outcome, at_ms: int, events: Sequence[tuple[Planned, Place | None]]
    ) -> None:
        """Add a row for each of `events` (at least one); returns when the engine has them."""
        rows = [_row(run, outcome, at_ms, planned, place) for planned, place in events]
        self._execute(_INSERT, rows)

    def close(self) -> None:
        self._client.disconnect()

    def _execute(self, sql: str, values: Any) -> list[Any]:
        with _judged():
            found: list[Any] = self._client.execute(sql, values)
            return found


def _row(run: Run, outcome: Outcome, at_ms: int, planned: Planned, place: Place | None) -> tuple[Any, ...]:
    where = place or Place(_UNKNOWN if planned.partition is None else planned.partition, _UNKNOWN)
    return (
        *(at_ms, int(outcome), run.replay_id, run.os_user, run.host, __version__),
        *(planned.address.partition, planned.address.offset, min(max(planned.rejected_at_ms, 0), LATEST_MS)),
        *(stage_name(planned.stage), reason_name(planned.reason)),
        *planned.origin,
        run.patch_digest,
        *planned.identity,
        *(planned.topic, where.partition, where.offset),
    )


@contextmanager
def _judged() -> Iterator[None]:
    try:
        with reporting():
            yield
    except ServerException as error:
        if error.code in _NOT_MIGRATED:
            raise ConfigurationError(
                "ClickHouse has no table events or rejected_replays; run: python -m writer migrate"
            ) from error
        first_line = str(error.message).partition("\n")[0]
        raise ConfigurationError(f"ClickHouse refuses with code {error.code}: {first_line}") from error
    except ValueError as error:
        raise ClickHouseUnavailable(f"an answer of ClickHouse cannot be read: {error}") from error
