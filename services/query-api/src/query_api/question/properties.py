"""Which property keys and values an event carried (spec "Event Properties Breakdown")."""

from dataclasses import dataclass
from typing import Final

from query_api.question.fields import COMMON_FIELDS, WAITING_FIELDS, count, event_name, search, selection
from query_api.question.given import Given
from query_api.question.selection import Context, Selection

FIELDS: Final = ("event_name", *COMMON_FIELDS, "search", "limit", "values", *WAITING_FIELDS)


@dataclass(frozen=True)
class PropertiesQuestion:
    """`limit` keys, those that hold `search`, each with its `values` most frequent values."""

    selection: Selection
    search: str
    limit: int
    values: int


def ask(given: Given, context: Context) -> PropertiesQuestion:
    """The question. Raises Invalid."""
    keys, values = context.limits.property_keys, context.limits.property_values
    name = event_name(given)
    return PropertiesQuestion(
        selection(given, context).of(name),
        search(given),
        count(given, "limit", keys, keys),
        count(given, "values", values, values),
    )
