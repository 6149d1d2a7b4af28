"""Fields as SQL to group by: an event's value of a dimension or property, and how it is told in an answer.

A dimension's value is its text, with "" for not set; a property's is its text and type, since 1 and "1" are two values.
"""

from typing import Any, Final

from eventrail.rows import property_sql
from query_api.parameters import Parameters
from query_api.question.filters import Field, Property

NOT_SET: Final = ("", "")
"""The value of events that have none: text and type."""

Value = tuple[str, str]
"""Text and type; the type of a dimension's value is "string"."""


def value(field: Field, parameters: Parameters) -> str:
    """Expression of a tuple (text, type); NOT_SET where the event has no value."""
    if isinstance(field, Property):
        key = parameters.add(field.key)
        return f"({property_sql.text(key)}, {property_sql.type_of(key)})"
    return f"(toString({field.sql}), if({field.sql} = '', '', '{property_sql.STRING}'))"


def told(found: Value) -> dict[str, Any]:
    """How an answer writes it: `value` null where it is not set."""
    text, type_ = found
    return {"value": text if type_ else None, "type": type_ or None}
