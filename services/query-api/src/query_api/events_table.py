"""How questions read events: each once, as eventrail.rows.reading has it (docs/adr/0014-once-the-proof.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eventrail.rows.reading import READING_SETTINGS, TABLE, events_once
from query_api.question import BotKinds, Period

EXISTS = f"EXISTS TABLE {TABLE}"
"""Answers one row with 1 when the writer's migration has run."""

Parameter = str | int | tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """SQL with `%(name)s` placeholders (the driver fills them in) and settings that belong to its meaning."""

    name: str
    sql: str
    parameters: Mapping[str, Parameter]
    settings: Mapping[str, int]


def reading(
    name: str,
    body: str,
    *,
    columns: Sequence[str],
    website_id: str,
    period: Period,
    left_out: BotKinds,
    event_name: str | None = None,
    parameters: Mapping[str, Parameter] | None = None,
) -> Statement:
    """`body`, which selects from `matching`: each custom event of a website and period, once, with `columns`.

    Events of the kinds of bots in `left_out` are not among them. `event_name` narrows to one name.
    `parameters` are those of `body`.
    """
    conditions = [
        "website_id = %(website_id)s",
        "event_type = 'custom'",
        "timestamp >= fromUnixTimestamp64Milli(%(from_ms)s, 'UTC')",
        "timestamp < fromUnixTimestamp64Milli(%(until_ms)s, 'UTC')",
    ]
    values: dict[str, Parameter] = {
        "website_id": website_id,
        "from_ms": period.from_ms,
        "until_ms": period.until_ms,
    }
    if left_out:
        conditions.append("bot_kind NOT IN %(left_out)s")
        values["left_out"] = left_out
    if event_name is not None:
        conditions.append("event_name = %(event_name)s")
        values["event_name"] = event_name
    sql = f"WITH matching AS ({events_once(columns, ' AND '.join(conditions))})\n{body}"
    return Statement(name, sql, {**values, **(parameters or {})}, READING_SETTINGS)
