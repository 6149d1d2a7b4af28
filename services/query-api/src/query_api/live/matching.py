"""Whether an event fits a question: in Python what conditions.py and events_table.py say in SQL. Pure.

A test runs both over the same events (tests/query_api/live/test_matching.py).
"""

import math
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from eventrail.rows.property_sql import BOOLEAN, NUMBER
from query_api.live.decoded import Columns, Decoded
from query_api.question.dimensions import Dimension
from query_api.question.filters import NUMERIC, Condition, Operator, Value, as_number
from query_api.question.live import LiveQuestion

_NIL: Final = UUID(int=0)


def matches(question: LiveQuestion, event: Decoded) -> bool:
    """Whether the event of the question's website is one that it asks for."""
    columns = event.columns
    return (
        (question.event_type is None or columns["event_type"] == question.event_type)
        and (question.event_name is None or columns["event_name"] == question.event_name)
        and columns["bot_kind"] not in question.left_out
        and columns["timestamp"] >= question.kept_ms
        and all(fits(condition, event) for condition in question.conditions)
    )


def fits(condition: Condition, event: Decoded) -> bool:
    """Whether the event fits one filter."""
    field = condition.field
    if isinstance(field, Dimension):
        return _dimension_fits(condition, text_of(field, event.columns))
    type_, text = event.properties.get(field.key, ("", ""))
    return _property_fits(condition, type_, text)


def text_of(dimension: Dimension, columns: Columns) -> str:
    """The text of a dimension, empty where it is not set."""
    made = _MADE.get(dimension.name)
    return made(columns) if made else columns[dimension.columns[0]]


def _screen(columns: Columns) -> str:
    width, height = columns["screen_width"], columns["screen_height"]
    return f"{width}x{height}" if width else ""


def _bot(columns: Columns) -> str:
    kind: str = columns["bot_kind"]
    return "" if kind == "none" else kind


def _session_id(columns: Columns) -> str:
    session_id: UUID = columns["session_id"]
    return "" if session_id == _NIL else str(session_id)


_MADE: Final[Mapping[str, Callable[[Columns], str]]] = {
    "screen": _screen,
    "bot": _bot,
    "session_id": _session_id,
}


def _dimension_fits(condition: Condition, text: str) -> bool:
    match condition.operator:
        case Operator.SET:
            return text != ""
        case Operator.NOT_SET:
            return text == ""
        case Operator.IS:
            return text in condition.values
        case Operator.NOT:
            return text not in condition.values
        case _:
            return _text_fits(condition, text)


def _property_fits(condition: Condition, type_: str, text: str) -> bool:
    """`type_` is empty where the property is not set."""
    match condition.operator:
        case Operator.SET:
            return type_ != ""
        case Operator.NOT_SET:
            return type_ == ""
        case Operator.IS:
            return any(_is(value, type_, text) for value in condition.values)
        case Operator.NOT:
            return not any(_is(value, type_, text) for value in condition.values)
        case Operator.NOT_CONTAINS:
            return _text_fits(condition, text)
        case operator if operator in NUMERIC:
            return _number_fits(condition, _number(type_, text))
        case _:
            return type_ != "" and _text_fits(condition, text)


def _is(value: Value, type_: str, text: str) -> bool:
    """A text fits by its spelling; a number, and a text that is one, fit numbers by value as well."""
    if isinstance(value, bool):
        return type_ == BOOLEAN and text == str(value).lower()
    if isinstance(value, str):
        if type_ and text == value:
            return True
        wanted = as_number(value)
        return wanted is not None and _number(type_, text) == wanted
    return _number(type_, text) == value


def _number(type_: str, text: str) -> float | None:
    if type_ != NUMBER:
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _number_fits(condition: Condition, number: float | None) -> bool:
    if number is None:
        return False
    wanted = [float(value) for value in condition.values]
    match condition.operator:
        case Operator.GT:
            return number > wanted[0]
        case Operator.GTE:
            return number >= wanted[0]
        case Operator.LT:
            return number < wanted[0]
        case Operator.LTE:
            return number <= wanted[0]
        case _:
            return wanted[0] <= number <= wanted[1]


def _text_fits(condition: Condition, text: str) -> bool:
    values = [str(value) for value in condition.values]
    if condition.operator is Operator.STARTS_WITH:
        return text.startswith(tuple(values))
    within = _lower(text)
    found = any(_lower(value) in within for value in values)
    return not found if condition.operator is Operator.NOT_CONTAINS else found


def _lower(text: str) -> bytes:
    # A-Z alone, as ClickHouse's lower() does.
    return text.encode().lower()
