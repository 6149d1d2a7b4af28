"""Filters: which events a question is about, beside its website, period and event name.

One grammar in two forms (docs/api.md). In a query string a filter is `FIELD=VALUE` or `FIELD[OPERATOR]=VALUE`, where
FIELD is a dimension or `prop.` and the key of a property; a name that comes several times has several values. In a
JSON body it is {"field": FIELD, "operator": OPERATOR, "values": [VALUE, ...]}. All filters must fit; of several
values of one filter any.

| operator               | fits where                                                                          |
|------------------------|-------------------------------------------------------------------------------------|
| is (the default)       | the value is one of these                                                           |
| not                    | it is none of these, or not set                                                     |
| contains, not_contains | its text has one of these within / has none of them; A-Z count like a-z              |
| starts_with            | its text begins with one of these; case counts                                      |
| gt, gte, lt, lte       | the property is a number above / from / below / up to this                          |
| between                | the property is a number from the first to the second, both inclusive: `10..99.5`    |
| set, not_set           | there is a value / there is none; in a query string `[set]=true` or `[set]=false`    |

A text fits a property of any type that is written so, and a number also where it is written otherwise (49.9 and 49.90).
In JSON a number fits numbers only, and true and false fit booleans only.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final

from query_api.errors import Invalid, shown
from query_api.question.dimensions import DIMENSIONS, Dimension

PROPERTY_PREFIX: Final = "prop."
MAX_CONDITIONS: Final = 50
MAX_VALUES: Final = 200
MAX_CHARACTERS: Final = 4_096

_OPERATOR_SUFFIX = re.compile(r"(.*)\[([A-Za-z_]+)\]", re.DOTALL)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_RANGE = ".."

Value = str | float | bool
"""A text, or (from JSON only) a number or a boolean."""


class Operator(StrEnum):
    """What has to hold between a field and the values of a filter."""

    IS = "is"
    NOT = "not"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    STARTS_WITH = "starts_with"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    SET = "set"
    NOT_SET = "not_set"


NUMERIC: Final = frozenset({Operator.GT, Operator.GTE, Operator.LT, Operator.LTE, Operator.BETWEEN})
PRESENCE: Final = frozenset({Operator.SET, Operator.NOT_SET})
_OPPOSITE: Final = {Operator.SET: Operator.NOT_SET, Operator.NOT_SET: Operator.SET}


@dataclass(frozen=True)
class Property:
    """A property by its key: the dotted path of nested objects. Any text is a key, "" included."""

    key: str

    @property
    def name(self) -> str:
        """How a caller writes it."""
        return PROPERTY_PREFIX + self.key


Field = Dimension | Property


@dataclass(frozen=True)
class Term:
    """The left side of a filter."""

    field: Field
    operator: Operator

    @property
    def name(self) -> str:
        """How a caller writes it."""
        return self.field.name if self.operator is Operator.IS else f"{self.field.name}[{self.operator}]"


@dataclass(frozen=True)
class Condition:
    """One filter. `values` are numbers (floats, finite) for NUMERIC operators and empty for PRESENCE."""

    field: Field
    operator: Operator
    values: tuple[Value, ...] = ()


def parse_field(name: str) -> Field | None:
    """The field of that name, None where it is none. Raises Invalid where the key of a property is too long."""
    if name.startswith(PROPERTY_PREFIX):
        return Property(_key(name.removeprefix(PROPERTY_PREFIX)))
    return DIMENSIONS.get(name)


def _key(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        place = PROPERTY_PREFIX + text[:59]
        raise Invalid(f"{place}…: a key may have {MAX_CHARACTERS:,} characters", place)
    return text


def require_field(name: Any, place: str) -> Field:
    """The field of that name. Raises Invalid that names `place` and the nearest field."""
    field = parse_field(name) if isinstance(name, str) else None
    if field is None:
        near = get_close_matches(name, DIMENSIONS, n=1) if isinstance(name, str) else []
        offer = f"; do you mean {near[0]}?" if near else f"; dimensions: {', '.join(DIMENSIONS)}"
        given = shown(name) if isinstance(name, str) else type(name).__name__
        raise Invalid(f"{place} must be a dimension or prop.KEY, not {given}{offer}", place)
    return field


def parse_term(name: str) -> Term | None:
    """The left side of a filter in a query string, None where `name` names no field. Raises Invalid."""
    matched = _OPERATOR_SUFFIX.fullmatch(name)
    if matched is None:
        field = parse_field(name)
        return None if field is None else Term(field, Operator.IS)
    field = parse_field(matched[1])
    hint = f"; for a key that ends so write {shown(f'{name}[is]')}" if isinstance(field, Property) else ""
    return None if field is None else Term(field, _operator(matched[2], name[:64], hint))


def _operator(text: Any, place: str, hint: str = "") -> Operator:
    if isinstance(text, str) and text in set(Operator):
        return Operator(text)
    near = get_close_matches(text, list(Operator), n=1) if isinstance(text, str) else []
    offer = f"do you mean {near[0]}?" if near else f"known: {', '.join(Operator)}"
    given = shown(text) if isinstance(text, str) else type(text).__name__
    raise Invalid(f"{place}: unknown operator {given}; {offer}{hint}", place)


def from_url(term: Term, texts: Sequence[str]) -> Condition:
    """The condition of a filter in a query string; `texts` are all values that came under its name. Raises Invalid."""
    place = term.name[:64]
    if term.operator in PRESENCE:
        return _condition(term.field, _presence(term.operator, texts, place), [], place)
    if term.operator is Operator.BETWEEN:
        low, dots, high = texts[0].partition(_RANGE)
        if len(texts) != 1 or not dots:
            raise Invalid(f"{place} needs one range, such as 10..99.5", place)
        return _condition(term.field, term.operator, [low, high], place)
    return _condition(term.field, term.operator, texts, place)


def _presence(operator: Operator, texts: Sequence[str], place: str) -> Operator:
    if list(texts) not in (["true"], ["false"]):
        raise Invalid(f"{place} must be true or false, once", place)
    return operator if texts[0] == "true" else _OPPOSITE[operator]


def from_json(item: Any, place: str) -> Condition:
    """The condition of one member of `filters`, which stands at `place`. Raises Invalid."""
    if not isinstance(item, dict):
        raise Invalid(f'{place} must be an object such as {{"field": "country", "values": ["DE"]}}', place)
    for name in item:
        if name not in ("field", "operator", "values"):
            raise Invalid(f"{place}: unknown {shown(name)}; known: field, operator, values", place)
    field = require_field(item.get("field"), f"{place}.field")
    operator = _operator(item.get("operator", Operator.IS.value), f"{place}.operator")
    values = item.get("values", [])
    if not isinstance(values, list) or not all(isinstance(value, str | int | float) for value in values):
        raise Invalid(f"{place}.values must be a list of texts, numbers, true or false", f"{place}.values")
    return _condition(field, operator, values, f"{place}.values")


def _condition(field: Field, operator: Operator, values: Sequence[Any], place: str) -> Condition:
    if operator in PRESENCE:
        if values:
            raise Invalid(f"{place}: {operator} takes no values", place)
        return Condition(field, operator)
    if operator in NUMERIC:
        return Condition(field, operator, _numbers(field, operator, values, place))
    if not 1 <= len(values) <= MAX_VALUES:
        raise Invalid(f"{place} needs 1 to {MAX_VALUES} values, not {len(values)}", place)
    return Condition(field, operator, tuple(_value(field, operator, value, place) for value in values))


def _value(field: Field, operator: Operator, value: Any, place: str) -> Value:
    if isinstance(value, str):
        if len(value) > MAX_CHARACTERS:
            raise Invalid(f"{place}: a value may have {MAX_CHARACTERS:,} characters", place)
        return value
    if isinstance(field, Dimension) or operator not in (Operator.IS, Operator.NOT):
        raise Invalid(f"{place}: {operator} of {field.name} takes texts", place)
    return value if isinstance(value, bool) else _finite(value, place)


def _numbers(field: Field, operator: Operator, values: Sequence[Any], place: str) -> tuple[float, ...]:
    if isinstance(field, Dimension):
        raise Invalid(f"{place}: {operator} is for properties (prop.KEY); {field.name} is a text", place)
    wanted = 2 if operator is Operator.BETWEEN else 1
    if len(values) != wanted:
        raise Invalid(f"{place} needs {'two numbers' if wanted == 2 else 'one number'}", place)
    numbers = tuple(_number(value, place) for value in values)
    if wanted == 2 and numbers[0] > numbers[1]:
        raise Invalid(f"{place}: the range begins above its end, turn it round", place)
    return numbers


def _number(value: Any, place: str) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return _finite(float(value), place)
    if isinstance(value, str | bool):
        given = shown(value) if isinstance(value, str) else str(value).lower()
        raise Invalid(f"{place} must be a number such as 49.9, not {given}", place)
    return _finite(value, place)


def _finite(value: float, place: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Invalid(f"{place}: the number is too large", place)
    return number


def as_number(text: str) -> float | None:
    """The number that a text of a filter stands for as well, None where it is none that doubles tell apart."""
    if _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return number if abs(number) < 2**53 else None


def together(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """All filters of a question. Raises Invalid where they are too many."""
    found = tuple(conditions)
    if len(found) > MAX_CONDITIONS:
        raise Invalid(f"{len(found)} filters are given, at most {MAX_CONDITIONS} are taken", "filters")
    return found
