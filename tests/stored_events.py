"""Rows for the table `events` by a few of their names; all other columns stand as for an event without anything."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from clickhouse_driver import Client

from eventrail.rows.events import COLUMNS, NIL, Row, version
from eventrail.rows.properties import STRING
from eventrail.rows.stored import STORED_COLUMNS, stored_columns

INSERT: Final = f"INSERT INTO events ({', '.join(STORED_COLUMNS)}) VALUES"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EMPTY: Final[Mapping[str, Any]] = {
    "identity_day": date(1970, 1, 1), "event_id": NIL, "event_type": 1, "session_id": NIL, "campaign_inherited": False,
    "bot_kind": 0, "visitor_source": 0, "property_keys": [], "property_types": [], "property_values": [],
    **dict.fromkeys(("timestamp", "received_at", "session_started_at", "screen_width", "screen_height"), 0),
    **dict.fromkeys(("rules_version", "raw_partition", "raw_offset", "raw_index"), 0),
    **dict.fromkeys(("enriched_partition", "enriched_offset", "retention_days"), 0),
}  # fmt: skip


def insert(client: Client, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert `rows`, at least one: values by names of COLUMNS, and `revision` (0 to 65,535) in the place of `version`.

    Times are Unix milliseconds or datetimes with a zone. Properties without types are strings.
    """
    client.execute(INSERT, values(rows))


def values(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """What INSERT takes for `rows`, as `insert` has them."""
    return stored([_row(given) for given in rows])


def stored(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """What INSERT takes for rows of eventrail.rows.events.row, at least one."""
    return list(zip(*stored_columns(rows), strict=True))


def _row(given: Mapping[str, Any]) -> Row:
    values = {name: _plain(value) for name, value in given.items()}
    keys = values.get("property_keys", [])
    rank = version(values["received_at"], values.pop("revision", 0))
    values = {"property_types": [STRING] * len(keys), **values, "version": rank}
    assert values.keys() <= set(COLUMNS), values.keys() - set(COLUMNS)
    return tuple(values.get(name, _EMPTY.get(name, "")) for name in COLUMNS)


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    since: Any = value - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000


def rows(names: Sequence[str], values: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows for `insert` out of tuples in the order of `names`."""
    return [dict(zip(names, one, strict=True)) for one in values]
