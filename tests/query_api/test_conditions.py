"""The SQL of filters; that it means what question/filters.py says: tests/query_api/oracle."""

import re

import pytest

from eventrail.rows import property_sql
from query_api.conditions import all_fit, columns_of, contains, field_columns, fits
from query_api.parameters import Parameters
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import NUMERIC, PRESENCE, Condition, Field, Operator, Property, Value

COUNTRY, PLAN = DIMENSIONS["country"], Property("plan")


def values(operator: Operator) -> tuple[Value, ...]:
    if operator in PRESENCE:
        return ()
    if operator in NUMERIC:
        return (1.0, 2.0) if operator is Operator.BETWEEN else (1.0,)
    return ("a'b", "c")


@pytest.mark.parametrize("field", [COUNTRY, DIMENSIONS["screen"], PLAN, Property("a'b")])
@pytest.mark.parametrize("operator", Operator)
def test_values_and_keys_are_parameters(field: Field, operator: Operator) -> None:
    if operator in NUMERIC and not isinstance(field, Property):
        return
    parameters = Parameters()
    sql = fits(Condition(field, operator, values(operator)), parameters)
    assert set(re.findall(r"%\((\w+)\)s", sql)) == set(parameters.values)
    assert "a'b" not in sql
    assert sql.count("(") == sql.count(")")


def test_one_expression_for_each() -> None:
    conditions = [Condition(COUNTRY, Operator.IS, ("DE",)), Condition(PLAN, Operator.SET)]
    parameters = Parameters()
    assert all_fit(conditions, parameters) == ["(country IN %(p0)s)", property_sql.is_set("%(p1)s")]
    assert parameters.values == {"p0": ("DE",), "p1": "plan"}


def test_a_text_that_is_a_number_fits_by_both() -> None:
    parameters = Parameters()
    sql = fits(Condition(PLAN, Operator.IS, ("49.90",)), parameters)
    assert property_sql.text("%(p0)s") in sql
    assert property_sql.number("%(p0)s") in sql
    assert parameters.values == {"p0": "plan", "p1": ("49.90",), "p2": (49.9,)}


def test_minus_zero_is_zero() -> None:
    parameters = Parameters()
    fits(Condition(PLAN, Operator.IS, (-0.0,)), parameters)
    assert str(parameters.values["p1"]) == "(0.0,)"


def test_many_texts_make_no_longer_sql() -> None:
    two, many = (
        fits(Condition(COUNTRY, Operator.CONTAINS, ("x",) * count), Parameters()) for count in (2, 200)
    )
    assert two == many


def test_columns() -> None:
    conditions = [
        Condition(field, Operator.SET) for field in (PLAN, COUNTRY, Property("b"), DIMENSIONS["device"])
    ]
    assert columns_of(conditions) == (*property_sql.COLUMNS, "country", "device_type")
    assert field_columns(PLAN) == property_sql.COLUMNS


def test_contains_looks_past_the_case() -> None:
    assert contains("path", "%(p0)s") == "(position(lower(path), lower(%(p0)s)) > 0)"
