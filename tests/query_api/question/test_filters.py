from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import (
    MAX_CHARACTERS,
    MAX_VALUES,
    Condition,
    Operator,
    Property,
    Term,
    as_number,
    from_json,
    from_url,
    parse_field,
    parse_term,
    require_field,
)
from tests.query_api.refused import refused

COUNTRY = DIMENSIONS["country"]
NUMBERS = ["gt", "gte", "lt", "lte"]
TEXTS = ["contains", "not_contains", "starts_with"]
ALL = "is, not, contains, not_contains, starts_with, gt, gte, lt, lte, between, set, not_set"


def url(name: str, *values: str) -> Condition:
    term = parse_term(name)
    assert term is not None
    return from_url(term, values)


def item(field: Any, operator: Any = "is", *values: Any) -> Condition:
    return from_json({"field": field, "operator": operator, "values": list(values)}, "filters[0]")


class TestFields:
    @pytest.mark.parametrize(
        "key", ["", "*", "a.b", "a[gt]", "a[x", '"', "'", "prop.", "é", "\0", "]", "[", " "]
    )
    def test_any_text_is_a_key(self, key: str) -> None:
        assert parse_field(f"prop.{key}") == Property(key)
        assert Property(key).name == f"prop.{key}"
        assert parse_term(f"prop.{key}[is]") == Term(Property(key), Operator.IS)

    @pytest.mark.parametrize("name", ["", "prop", "Country", "country ", "props.a", "[is]", "country[]"])
    def test_what_is_no_field(self, name: str) -> None:
        assert parse_field(name) is None
        assert parse_term(name) is None

    @pytest.mark.parametrize(
        ("name", "offer"), [("contry", "; do you mean country?"), ("Browser", "; do you mean browser?")]
    )
    def test_the_nearest_is_offered(self, name: str, offer: str) -> None:
        assert refused(require_field, name, "breakdown") == (
            f"breakdown must be a dimension or prop.KEY, not {name!r}{offer}",
            "breakdown",
        )

    @pytest.mark.parametrize("name", [None, 1, [], {}, True, "", "zzzzzzz", "x" * 100_000])
    def test_else_all_are_told(self, name: Any) -> None:
        message, field = refused(require_field, name, "filters[0].field")
        assert field == "filters[0].field"
        assert message.endswith(f"; dimensions: {', '.join(DIMENSIONS)}")
        assert len(message) < 500

    def test_a_key_that_no_event_can_have(self) -> None:
        assert parse_field("prop." + "k" * MAX_CHARACTERS) is not None
        message, field = refused(parse_field, "prop." + "k" * (MAX_CHARACTERS + 1))
        assert message == f"prop.{'k' * 59}…: a key may have 4,096 characters"
        assert field == f"prop.{'k' * 59}"

    def test_terms_are_named_as_callers_write_them(self) -> None:
        for name in ("country", "prop.a[gt]", "prop.a[gt][lt]", "path[starts_with]"):
            term = parse_term(name)
            assert term is not None
            assert term.name == name


class TestOperators:
    @pytest.mark.parametrize(
        ("name", "given_operator", "offer"),
        [
            ("country[iss]", "iss", "do you mean is?"),
            ("path[contain]", "contain", "do you mean contains?"),
            ("prop.a[ge]", "ge", "do you mean gte?; for a key that ends so write 'prop.a[ge][is]'"),
            ("prop.a[IS]", "IS", f"known: {ALL}; for a key that ends so write 'prop.a[IS][is]'"),
            ("country[eq]", "eq", f"known: {ALL}"),
        ],
    )
    def test_the_nearest_is_offered(self, name: str, given_operator: str, offer: str) -> None:
        assert refused(parse_term, name) == (f"{name}: unknown operator {given_operator!r}; {offer}", name)

    @pytest.mark.parametrize("operator", [None, 1, [], {}, True, "", "eq"])
    def test_in_json_too(self, operator: Any) -> None:
        message, field = refused(item, "country", operator, "DE")
        assert field == "filters[0].operator"
        assert message.startswith("filters[0].operator: unknown operator ")

    @pytest.mark.parametrize("operator", [*NUMBERS, "between"])
    def test_a_dimension_is_no_number(self, operator: str) -> None:
        assert refused(url, f"country[{operator}]", "1..2") == (
            f"country[{operator}]: {operator} is for properties (prop.KEY); country is a text",
            f"country[{operator}]",
        )


class TestValues:
    @pytest.mark.parametrize("operator", ["is", "not", *TEXTS])
    def test_one_to_200(self, operator: str) -> None:
        assert item("country", operator, *["DE"] * MAX_VALUES).values == ("DE",) * MAX_VALUES
        for count in (0, MAX_VALUES + 1):
            assert refused(item, "country", operator, *["DE"] * count) == (
                f"filters[0].values needs 1 to 200 values, not {count}",
                "filters[0].values",
            )

    def test_length(self) -> None:
        assert item("path", "is", "x" * MAX_CHARACTERS).values == ("x" * MAX_CHARACTERS,)
        assert refused(item, "path", "is", "x" * (MAX_CHARACTERS + 1))[0].endswith(
            "a value may have 4,096 characters"
        )

    @pytest.mark.parametrize("value", [None, [], {}, ["DE"]])
    def test_what_is_no_value(self, value: Any) -> None:
        assert refused(item, "prop.a", "is", value) == (
            "filters[0].values must be a list of texts, numbers, true or false",
            "filters[0].values",
        )

    @pytest.mark.parametrize("value", ["DE", 1, None, {}, True])
    def test_values_must_be_a_list(self, value: Any) -> None:
        message, field = refused(from_json, {"field": "country", "values": value}, "filters[3]")
        assert (message, field) == (
            "filters[3].values must be a list of texts, numbers, true or false",
            "filters[3].values",
        )

    @pytest.mark.parametrize("value", [1, 1.5, True])
    @pytest.mark.parametrize(
        ("field", "operator"), [("country", "is"), ("prop.a", "contains"), ("path", "not")]
    )
    def test_where_only_texts_fit(self, field: str, operator: str, value: Any) -> None:
        assert refused(item, field, operator, value) == (
            f"filters[0].values: {operator} of {field} takes texts",
            "filters[0].values",
        )

    def test_numbers_and_booleans_fit_properties(self) -> None:
        assert item("prop.a", "is", "1", 1, 1.5, True).values == ("1", 1.0, 1.5, True)

    @pytest.mark.parametrize("value", [10**400, -(10**400), float("inf")])
    @pytest.mark.parametrize("operator", ["is", "gt"])
    def test_a_number_beyond_doubles(self, operator: str, value: Any) -> None:
        assert refused(item, "prop.a", operator, value)[0] == "filters[0].values: the number is too large"

    @pytest.mark.parametrize("name", ["set", "not_set"])
    def test_presence(self, name: str) -> None:
        assert refused(item, "country", name, True)[0] == f"filters[0].values: {name} takes no values"
        for values in (["yes"], ["true", "true"], [""], ["1"]):
            assert refused(url, f"country[{name}]", *values) == (
                f"country[{name}] must be true or false, once",
                f"country[{name}]",
            )


class TestNumbers:
    @pytest.mark.parametrize(
        "text", ["0", "-0", "1", "49.90", "1e3", "1E-7", "-12.5e+2", "12345678901234567890"]
    )
    @pytest.mark.parametrize("operator", NUMBERS)
    def test_json_numbers(self, operator: str, text: str) -> None:
        assert url(f"prop.a[{operator}]", text).values == (float(text),)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "x",
            "1,5",
            "+1",
            ".5",
            "1.",
            "01",
            "1e",
            "0x10",
            "nan",
            "Infinity",
            " 1",
            "1 ",
            "\u0661",
            "1_000",
        ],
    )
    def test_what_is_none(self, text: str) -> None:
        assert refused(url, "prop.a[gt]", text) == (
            f"prop.a[gt] must be a number such as 49.9, not {text!r}",
            "prop.a[gt]",
        )
        assert as_number(text) is None

    @pytest.mark.parametrize(("value", "told"), [(True, "true"), (False, "false")])
    def test_a_boolean_is_none(self, value: bool, told: str) -> None:
        assert refused(item, "prop.a", "gt", value)[0].endswith(f"must be a number such as 49.9, not {told}")

    @pytest.mark.parametrize("text", ["1e400", "-1e999", "9" * 400])
    def test_beyond_doubles(self, text: str) -> None:
        assert refused(url, "prop.a[gt]", text)[0] == "prop.a[gt]: the number is too large"
        assert as_number(text) is None

    @pytest.mark.parametrize("operator", NUMBERS)
    def test_one_is_needed(self, operator: str) -> None:
        for values in ([], [1, 2]):
            assert refused(item, "prop.a", operator, *values)[0] == "filters[0].values needs one number"
        assert refused(url, f"prop.a[{operator}]", "1", "2")[0] == f"prop.a[{operator}] needs one number"

    @pytest.mark.parametrize("texts", [["10"], ["10-20"], ["1..2", "3..4"], ["10.20"]])
    def test_one_range_is_needed(self, texts: list[str]) -> None:
        assert refused(url, "prop.a[between]", *texts) == (
            "prop.a[between] needs one range, such as 10..99.5",
            "prop.a[between]",
        )

    def test_a_range(self) -> None:
        assert (
            url("prop.a[between]", "1.5..2.5").values
            == item("prop.a", "between", 1.5, 2.5).values
            == (1.5, 2.5)
        )
        assert url("prop.a[between]", "2..2").values == (2.0, 2.0)
        assert refused(url, "prop.a[between]", "2..1")[0].endswith(
            "the range begins above its end, turn it round"
        )
        assert refused(url, "prop.a[between]", "..1")[0].endswith("must be a number such as 49.9, not ''")
        assert refused(item, "prop.a", "between", 1)[0] == "filters[0].values needs two numbers"

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_a_text_is_the_number_that_it_spells(self, number: float) -> None:
        text = repr(number).replace("e", "E")
        assert as_number(text) == (number if abs(number) < 2**53 else None)


class TestJson:
    @pytest.mark.parametrize("value", [None, [], "country", 1, True])
    def test_it_must_be_an_object(self, value: Any) -> None:
        assert refused(from_json, value, "filters[7]") == (
            'filters[7] must be an object such as {"field": "country", "values": ["DE"]}',
            "filters[7]",
        )

    def test_unknown_members(self) -> None:
        assert refused(from_json, {"field": "country", "value": "DE"}, "filters[0]") == (
            "filters[0]: unknown 'value'; known: field, operator, values",
            "filters[0]",
        )

    def test_the_field_is_needed(self) -> None:
        assert refused(from_json, {}, "filters[0]")[1] == "filters[0].field"
