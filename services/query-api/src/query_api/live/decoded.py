"""An enriched event as what questions see of it: columns by the readers' names, and typed properties. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eventrail.contract.v1.enriched_pb2 import BotKind, EnrichedEvent, EventType, VisitorSource
from eventrail.rows import events
from eventrail.rows.property_sql import TYPES

Columns = Mapping[str, Any]
"""Values by the readers' names of the table's columns: times are whole Unix milliseconds, enums text, UUIDs UUID."""


def _texts(numbers: Mapping[str, int], prefix: str) -> dict[int, str]:
    return {number: name.removeprefix(prefix).lower() for name, number in numbers.items()}


_EVENT_TYPES: Final = _texts(dict(EventType.items()), "EVENT_TYPE_")
_SOURCES: Final = _texts(dict(VisitorSource.items()), "VISITOR_SOURCE_")
_BOT_KINDS: Final = _texts(dict(BotKind.items()), "BOT_KIND_") | {0: "none"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """What questions see of an event; `properties` has type (one of property_sql.TYPES) and text by key."""

    columns: Columns
    properties: Mapping[str, tuple[str, str]]


def decoded(event: EnrichedEvent, partition: int, offset: int) -> Decoded:
    """What the table will say of `event`. Raises ContractError where it can take no row of it, so never has it."""
    row = dict(zip(events.COLUMNS, events.row(event, partition, offset), strict=True))
    row["event_type"] = _EVENT_TYPES[row["event_type"]]
    row["visitor_source"] = _SOURCES[row["visitor_source"]]
    row["bot_kind"] = _BOT_KINDS[row["bot_kind"]]
    types = (TYPES[number - 1] for number in row["property_types"])
    typed = zip(row["property_keys"], types, row["property_values"], strict=True)
    return Decoded(row, {key: (type_, text) for key, type_, text in typed})
