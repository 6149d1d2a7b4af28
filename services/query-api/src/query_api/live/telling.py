"""An event as JSON text: the same members as in the rows of `/events/rows`. Pure."""

from typing import Any, Final

from query_api.event_json import objects
from query_api.facts import FACTS, Fact, Kind
from query_api.live.decoded import Columns
from query_api.live.matching import text_of
from query_api.question.dimensions import DIMENSIONS

_ALL: Final = tuple(FACTS.values())


def told(columns: Columns) -> str:
    """One JSON object on one line."""
    (text,) = objects(_ALL, [[_value(fact, columns) for fact in _ALL]])
    return text


def _value(fact: Fact, columns: Columns) -> Any:
    if fact.name in DIMENSIONS:
        return text_of(DIMENSIONS[fact.name], columns)
    value = columns[fact.columns[0]]
    return str(value) if fact.kind is Kind.TEXT else value
