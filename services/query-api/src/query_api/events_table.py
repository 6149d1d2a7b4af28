"""How questions read events: each once, as eventrail.rows.reading has it (docs/adr/0014-once-the-proof.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eventrail.rows.reading import READING_SETTINGS, TABLE, events_once
from query_api.conditions import all_fit, columns_of
from query_api.parameters import Parameter, Parameters
from query_api.question.selection import Selection

EXISTS = f"EXISTS TABLE {TABLE}"
"""Answers one row with 1 when the writer's migration has run."""

ROWS = f"SELECT max(total_rows) FROM system.tables WHERE database = currentDatabase() AND name = '{TABLE}'"  # noqa: S608
"""Answers one row: how many rows, copies included, the table has on one server; NULL where that is not known."""


@dataclass(frozen=True)
class Statement:
    """SQL with `%(name)s` placeholders (the driver fills them in) and settings that belong to its meaning."""

    name: str
    sql: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    settings: Mapping[str, int] = field(default_factory=dict)
    estimated: bool = False
    """Whether its cost is looked at before it is run, because it grows with the data."""
    of_export: bool = False
    """Whether it may take as long as an export's statements may, which read whole selections."""


def reading(
    name: str,
    body: str,
    columns: Sequence[str],
    selection: Selection,
    parameters: Parameters,
    where: Sequence[str] = (),
) -> Statement:
    """`body`, which selects from `matching`: each event of `selection`, once, with `columns` (names or `x AS name`).

    `parameters` are those of `body` and of `where`, further conditions of our own; those of the selection join them.
    """
    conditions = [*_place(selection, parameters), *all_fit(selection.conditions, parameters), *where]
    sql = f"WITH matching AS ({events_once(columns, ' AND '.join(conditions))})\n{body}"
    return Statement(name, sql, parameters.values, READING_SETTINGS, estimated=True)


def needed(selection: Selection) -> tuple[str, ...]:
    """The columns that the filters of `selection` read."""
    return columns_of(selection.conditions)


def moment(placeholder: str) -> str:
    """The DateTime64 of a parameter in Unix milliseconds."""
    return f"fromUnixTimestamp64Milli({placeholder}, 'UTC')"


def _place(selection: Selection, parameters: Parameters) -> list[str]:
    period = selection.period
    conditions = [f"website_id = {parameters.put('website_id', selection.website_id)}"]
    if selection.event_type is not None:
        conditions.append(f"event_type = '{selection.event_type}'")
    conditions += [
        f"timestamp >= {moment(parameters.put('from_ms', period.read_from_ms))}",
        f"timestamp < {moment(parameters.put('until_ms', period.until_ms))}",
    ]
    if selection.left_out:
        conditions.append(f"bot_kind NOT IN {parameters.put('left_out', selection.left_out)}")
    if selection.event_name is not None:
        conditions.append(f"event_name = {parameters.put('event_name', selection.event_name)}")
    return conditions
