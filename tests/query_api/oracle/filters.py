"""Filters for every endpoint's oracle: drawn at random, said in both forms, and judged by plain Python.

Use: `filters = random_filters(random.Random(seed))`; the events that are meant are those that `fits(event, filters)`.
They have the JSON form; `as_pairs(filters)` says the same in a query string, None where only JSON can say it.
The meaning is written down a second time here, from the words of docs and of question/filters.py.
"""

import math
import random
import string
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.query_api.oracle.events import HOSTILE, KEYS, NUMBERS, POOLS, Event

Filter = dict[str, Any]

_TEXT_OPERATORS: Final = ("is", "not", "contains", "not_contains", "starts_with", "set", "not_set")
_NUMBER_OPERATORS: Final = ("gt", "gte", "lt", "lte", "between")
OPERATORS: Final = (*_TEXT_OPERATORS, *_NUMBER_OPERATORS)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def random_filters(dice: random.Random, most: int = 3) -> list[Filter]:
    """Up to `most` filters of the JSON form; most often few, so that something is left."""
    return [random_filter(dice) for _ in range(dice.choice((0, 0, 1, 1, 2, most)))]


def random_field(dice: random.Random) -> str:
    """A dimension or a property."""
    return dice.choice(sorted(POOLS)) if dice.random() < 0.5 else f"prop.{dice.choice(KEYS)}"


def can_have(field: str, operator: str) -> bool:
    """Whether a filter may say that operator of that field."""
    return field.startswith("prop.") or operator in _TEXT_OPERATORS


def random_filter(dice: random.Random, field: str | None = None, operator: str | None = None) -> Filter:
    """One filter; of that field and operator where they are given."""
    field = field or random_field(dice)
    operator = operator or dice.choice([one for one in OPERATORS if can_have(field, one)])
    found: Filter = {"field": field, "operator": operator}
    if operator not in ("set", "not_set"):
        found["values"] = _random_values(dice, field, operator)
    return found


def _random_values(dice: random.Random, field: str, operator: str) -> list[Any]:
    if operator in _NUMBER_OPERATORS:
        values: list[Any] = [
            dice.choice((-7, 0, 1.5, 49.9, "49.90", "1e3", 1000, -0.0, 1e300)) for _ in range(2)
        ]
        return sorted(values, key=float) if operator == "between" else values[:1]
    count = dice.choice((1, 1, 1, 2, 5))
    if not field.startswith("prop."):
        return [dice.choice((*POOLS[field], "1", "e", "É")) for _ in range(count)]
    pool: Sequence[Any] = (*HOSTILE, *NUMBERS, "pro", "PRO", "false", '["a",1.50,true]')
    if operator in ("is", "not"):
        pool = (*pool, 0, -0.0, 1, 49.9, 1000, True, False, 12345678901234567890, 1e-7)
    return [dice.choice(pool) for _ in range(count)]


def as_pairs(filters: Sequence[Filter]) -> list[tuple[str, str]] | None:
    """The filters as parameters of a query string, None where they hold typed values or a name comes twice."""
    pairs: list[tuple[str, str]] = []
    names = [(item["field"], item["operator"]) for item in filters]
    if len(set(names)) != len(names):
        return None
    for item in filters:
        name, values = f"{item['field']}[{item['operator']}]", item.get("values", ["true"])
        if item["operator"] == "between":
            values = ["..".join(map(_spelt, values))]
        elif item["operator"] in _NUMBER_OPERATORS:
            values = [_spelt(value) for value in values]
        if not all(isinstance(value, str) for value in values):
            return None
        pairs += [(name, value) for value in values]
    return pairs


def _spelt(number: Any) -> str:
    return str(number).replace("e+", "e")


def fits(event: Event, filters: Sequence[Filter]) -> bool:
    """Whether all of `filters` hold for `event`."""
    return all(_fits(event, item) for item in filters)


def value_of(event: Event, field: str) -> tuple[str, str] | None:
    """Type and text of a dimension or property of `event`, None where it is not set."""
    if field.startswith("prop."):
        return event.properties.get(field[5:])
    text = event.dimensions[field]
    return ("string", text) if text else None


def number_of(value: tuple[str, str] | None) -> float | None:
    """The number that a value is, None where it is none or beyond doubles."""
    if value is None or value[0] != "number":
        return None
    number = float(value[1])
    return number if math.isfinite(number) else None


def _fits(event: Event, item: Filter) -> bool:
    operator, values = item["operator"], item.get("values", [])
    value = value_of(event, item["field"])
    text = value[1] if value else ""
    if operator in _NUMBER_OPERATORS:
        return _compares(number_of(value), operator, [float(given) for given in values])
    if operator == "set":
        return value is not None
    if operator == "not_set":
        return value is None
    if operator in ("is", "not"):
        found = _is(event, item["field"], values)
        return found if operator == "is" else not found
    if operator == "starts_with":
        return any(text.startswith(given) for given in values) and _may_match(item, value)
    within: bool = any(given.translate(_LOWER) in text.translate(_LOWER) for given in values)
    if operator == "not_contains":
        return not within
    return within and _may_match(item, value)


def _may_match(item: Mapping[str, Any], value: tuple[str, str] | None) -> bool:
    # A dimension that is not set is an empty text; a property that is not set has no text at all.
    return value is not None or not item["field"].startswith("prop.")


def _is(event: Event, field: str, values: Sequence[Any]) -> bool:
    value = value_of(event, field)
    if not field.startswith("prop."):
        return (value[1] if value else "") in values
    return value is not None and any(_same(value, given) for given in values)


def _same(value: tuple[str, str], given: Any) -> bool:
    if isinstance(given, bool):
        return value == ("boolean", str(given).lower())
    number = number_of(value)
    if not isinstance(given, str):
        return number == float(given)  # as doubles
    if value[1] == given:
        return True
    spelt = as_number(given)
    return number is not None and spelt is not None and abs(spelt) < 2**53 and number == spelt


def as_number(text: str) -> float | None:
    """The number that a text of a filter spells, as JSON would; None where it spells none."""
    return float(text) if text in NUMBERS else None


def _compares(number: float | None, operator: str, values: Sequence[float]) -> bool:
    if number is None:
        return False
    return {
        "gt": number > values[0],
        "gte": number >= values[0],
        "lt": number < values[0],
        "lte": number <= values[0],
        "between": values[0] <= number <= values[-1],
    }[operator]
