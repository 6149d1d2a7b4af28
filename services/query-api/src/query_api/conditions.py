"""Filters as SQL. Every value goes in as a parameter; the text is our own words."""

from collections.abc import Iterable, Sequence
from typing import Final

from eventrail.rows import property_sql
from query_api.parameters import Parameters
from query_api.question.dimensions import Dimension
from query_api.question.filters import Condition, Field, Operator, Property, Value, as_number

_COMPARISONS: Final = {Operator.GT: ">", Operator.GTE: ">=", Operator.LT: "<", Operator.LTE: "<="}


def all_fit(conditions: Iterable[Condition], parameters: Parameters) -> list[str]:
    """One boolean expression for each of `conditions`; none of them is ever NULL."""
    return [fits(condition, parameters) for condition in conditions]


def fits(condition: Condition, parameters: Parameters) -> str:
    """Whether an event fits `condition`, as question/filters.py says: an expression of UInt8, never NULL."""
    if isinstance(condition.field, Dimension):
        return _dimension_fits(condition.field, condition, parameters)
    return _property_fits(parameters.add(condition.field.key), condition, parameters)


def columns_of(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """The columns that `conditions` read, each once."""
    names = (name for condition in conditions for name in field_columns(condition.field))
    return tuple(dict.fromkeys(names))


def field_columns(field: Field) -> tuple[str, ...]:
    """The columns behind a field."""
    return property_sql.COLUMNS if isinstance(field, Property) else field.columns


def _dimension_fits(dimension: Dimension, condition: Condition, parameters: Parameters) -> str:
    match condition.operator:
        case Operator.SET:
            return f"({dimension.sql} != '')"
        case Operator.NOT_SET:
            return f"({dimension.sql} = '')"
        case Operator.IS:
            return _one_of(dimension.sql, condition.values, parameters)
        case Operator.NOT:
            return f"NOT {_one_of(dimension.sql, condition.values, parameters)}"
        case _:
            return _text_fits(dimension.sql, condition, parameters)


def _property_fits(key: str, condition: Condition, parameters: Parameters) -> str:
    match condition.operator:
        case Operator.SET:
            return property_sql.is_set(key)
        case Operator.NOT_SET:
            return f"NOT {property_sql.is_set(key)}"
        case Operator.IS:
            return _is(key, condition.values, parameters)
        case Operator.NOT:
            return f"NOT {_is(key, condition.values, parameters)}"
        case Operator.NOT_CONTAINS:
            return _text_fits(property_sql.text(key), condition, parameters)
        case Operator.CONTAINS | Operator.STARTS_WITH:
            found = _text_fits(property_sql.text(key), condition, parameters)
            return f"({property_sql.is_set(key)} AND {found})"
        case _:
            return _number_fits(property_sql.number(key), condition, parameters)


def _one_of(text: str, values: Sequence[Value], parameters: Parameters) -> str:
    return f"({text} IN {parameters.add(tuple(str(value) for value in values))})"


def _is(key: str, values: Sequence[Value], parameters: Parameters) -> str:
    """A text fits by its spelling; a number, and a text that is one, fit numbers by value as well."""
    ways = []
    texts = tuple(value for value in values if isinstance(value, str))
    if texts:
        ways.append(f"({property_sql.is_set(key)} AND {_one_of(property_sql.text(key), texts, parameters)})")
    numbers = _numbers_among(values)
    if numbers:
        # IN compares the bits: 0 is added because -0.0 has others than 0.0.
        within = f"{property_sql.number(key)} + 0 IN {parameters.add(numbers)}"
        ways.append(f"ifNull({within}, 0)")
    booleans = tuple(str(value).lower() for value in values if isinstance(value, bool))
    if booleans:
        spelt = _one_of(property_sql.text(key), booleans, parameters)
        ways.append(f"({property_sql.has_type(key, property_sql.BOOLEAN)} AND {spelt})")
    return f"({' OR '.join(ways)})"


def _numbers_among(values: Sequence[Value]) -> tuple[float, ...]:
    found = (
        as_number(value) if isinstance(value, str) else value
        for value in values
        if not isinstance(value, bool)
    )
    return tuple(float(number) + 0.0 for number in found if number is not None)


def _number_fits(number: str, condition: Condition, parameters: Parameters) -> str:
    values = [parameters.add(float(value)) for value in condition.values]
    if condition.operator is Operator.BETWEEN:
        return f"ifNull({number} >= {values[0]} AND {number} <= {values[1]}, 0)"
    return f"ifNull({number} {_COMPARISONS[condition.operator]} {values[0]}, 0)"


def _text_fits(text: str, condition: Condition, parameters: Parameters) -> str:
    way = _starts if condition.operator is Operator.STARTS_WITH else contains
    values = [str(value) for value in condition.values]
    if len(values) == 1:
        found = way(text, parameters.add(values[0]))
    else:  # One OR for each would be more than the engine's parser takes.
        found = f"arrayExists(value -> {way(text, 'value')}, {parameters.add(values)})"
    return f"NOT {found}" if condition.operator is Operator.NOT_CONTAINS else found


def _starts(text: str, value: str) -> str:
    return f"startsWith({text}, {value})"


def contains(text: str, value: str) -> str:
    """Whether `value` stands within `text`; A-Z count like a-z, all other characters as they are."""
    return f"(position(lower({text}), lower({value})) > 0)"
