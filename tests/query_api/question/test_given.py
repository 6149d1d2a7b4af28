import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.errors import Invalid
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import Condition, Operator, Property
from query_api.question.given import Given, conditions_of, from_body, from_query, read_json
from tests.query_api.refused import refused

KNOWN = ("event_name", "start_date", "include", "limit")
texts = st.text(st.characters(codec="utf-8"), max_size=12)


def query(text: str | bytes, *, filters: bool = True) -> Given:
    return from_query(text if isinstance(text, bytes) else text.encode(), KNOWN, filters=filters)


def body(document: Any, *, filters: bool = True) -> Given:
    return from_body(json.dumps(document).encode(), KNOWN, filters=filters)


class TestQuery:
    def test_an_unknown_name_is_named_with_the_known_ones(self) -> None:
        assert refused(query, "nonsense=1") == (
            (
                "unknown query parameter 'nonsense'; known here: event_name, start_date, include, limit, and filters "
                "such as country, utm_source or prop.plan"
            ),
            "nonsense",
        )
        assert refused(query, "nonsense=1", filters=False)[0].endswith("start_date, include, limit")
        assert refused(from_query, b"a=1", ())[0].startswith("unknown query parameter 'a'; known here: none")

    @pytest.mark.parametrize(
        ("given_name", "offer"),
        [("eventname", "event_name"), ("contry", "country"), ("utm_sorce", "utm_source"), ("Start_Date", "start_date"),
         ("start", "start_date"), ("limits", "limit"), ("Country", "country")],
    )  # fmt: skip
    def test_the_nearest_known_one_is_offered(self, given_name: str, offer: str) -> None:
        assert refused(query, f"{given_name}=x") == (
            f"unknown query parameter {given_name!r}; do you mean {offer}?",
            given_name,
        )

    def test_without_filters_a_dimension_is_unknown(self) -> None:
        assert refused(query, "country=DE", filters=False)[1] == "country"

    def test_a_repeated_one_is_refused_even_with_the_same_value(self) -> None:
        found = query("start_date=2026-01-01&start_date=2026-01-01")
        assert refused(found.one, "start_date") == (
            "start_date is given more than once, give it once",
            "start_date",
        )

    @pytest.mark.parametrize(
        "raw", [b"event_name=%FF", b"event_name=\xff", b"%C3=1", b"event_name=%ED%A0%80"]
    )
    def test_bytes_that_are_no_utf8(self, raw: bytes) -> None:
        assert refused(query, raw) == ("the query string is not UTF-8, percent-encoded (RFC 3986)", None)

    @pytest.mark.parametrize(
        "raw", ["event_name=%zz", "event_name=50%", "event_name=%2", "%=1", "prop.%g0=1"]
    )
    def test_a_lonely_percent_sign(self, raw: str) -> None:
        assert refused(query, raw) == (
            "the query string has a '%' without two hex digits after it; write '%25' for '%'",
            None,
        )

    def test_very_many(self) -> None:
        assert refused(query, "&".join(f"a{number}=1" for number in range(501))) == (
            "the query string has more than 500 parameters",
            None,
        )

    def test_a_huge_unknown_name_is_not_echoed_whole(self) -> None:
        message, field = refused(query, "a" * 100_000 + "=1")
        assert len(message) < 250
        assert field == "a" * 64

    def test_unencoded_utf8_plus_and_blank_values(self) -> None:
        assert query("event_name=é+ü%2B").one("event_name") == "é ü+"
        assert query("event_name=").one("event_name") == query("event_name").one("event_name") == ""
        assert query("&&").texts == {}
        assert query("").one("event_name") is None

    def test_lists_are_split_at_commas_or_repeated(self) -> None:
        assert query("include=a,b&include=b,c").many("include") == ("a", "b", "c")
        assert query("").many("include") == ()

    @given(st.binary(max_size=60))
    def test_any_bytes_are_given_or_refused(self, raw: bytes) -> None:
        with suppress(Invalid):
            assert set(query(raw).texts) <= set(KNOWN)

    @given(texts)
    def test_any_text_arrives_as_it_is(self, text: str) -> None:
        assert query(urlencode({"event_name": text})).one("event_name") == text


class TestBody:
    def test_it_says_what_the_query_string_says(self) -> None:
        assert body({"event_name": "x", "limit": 7, "include": ["a", "b"]}).texts == {
            "event_name": ("x",),
            "limit": ("7",),
            "include": ("a", "b"),
        }
        assert body({"include": "a,b"}).many("include") == ("a", "b")
        assert body({"include": True}).one("include") == "true"
        assert body({}) == query("") == Given()

    @pytest.mark.parametrize("document", [[], "x", 1, None, True, [{}]])
    def test_it_must_be_an_object(self, document: Any) -> None:
        assert refused(body, document) == ("the body must be a JSON object, such as {}", None)

    @pytest.mark.parametrize("value", [None, 1.5, {}, {"a": 1}, [[1]], [None], 1e300])
    def test_a_wrong_type_names_the_place(self, value: Any) -> None:
        assert refused(body, {"limit": value}) == (
            "limit must be a text, a whole number, true or false, or a list of such",
            "limit",
        )

    def test_an_unknown_member(self) -> None:
        assert refused(body, {"filter": []}) == ("unknown member 'filter'; do you mean filters?", "filter")
        assert refused(body, {"country": "DE"}) == (
            "unknown member 'country'; known here: event_name, start_date, include, limit, filters",
            "country",
        )
        assert refused(body, {"filters": []}, filters=False)[1] == "filters"

    def test_a_list_of_two_for_one(self) -> None:
        found = body({"start_date": ["2026-01-01", "2026-01-02"]})
        assert refused(found.one, "start_date")[0] == "start_date is given more than once, give it once"

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (b"", "the body is no JSON: Expecting value: line 1 column 1 (char 0)"),
            (b"{'a': 1}", "the body is no JSON: Expecting property name"),
            (b'{"limit": 1} x', "the body is no JSON: Extra data"),
            (b'{"limit": NaN}', "the body is no JSON: NaN is no JSON number"),
            (b'{"limit": -Infinity}', "the body is no JSON: -Infinity is no JSON number"),
            (b'{"limit": 1, "limit": 1}', "the body is no JSON: 'limit' stands twice in one object"),
            (b'{"limit": "\xff"}', "the body is not UTF-8"),
            (b"\xef\xbb\xbf{}", "the body is no JSON: Unexpected UTF-8 BOM"),
            (b'{"limit": "a\nb"}', "the body is no JSON: Invalid control character"),
            (b'{"limit": "\\ud800"}', "the body holds half of a surrogate pair"),
            (b'{"\\udc00": 1}', "the body holds half of a surrogate pair"),
            (b'{"limit": ' + b"9" * 5000 + b"}", "the body is no JSON: a number has more than 400 digits"),
            (b"[" * 50_000, "the body is nested too deeply"),
            (b'{"a":' * 20_000, "the body is nested too deeply"),
        ],
    )
    def test_what_is_no_json_text(self, raw: bytes, message: str) -> None:
        assert refused(from_body, raw, KNOWN)[0].startswith(message)

    @pytest.mark.parametrize("depth", range(200, 1100, 50))
    def test_no_depth_breaks_it(self, depth: int) -> None:
        with suppress(Invalid):
            read_json(b"[" * depth + b'"\\u0041"' + b"]" * depth)

    def test_a_pair_of_surrogates_is_a_character(self) -> None:
        assert from_body(b'{"event_name": "\\ud83d\\ude00\\u0000"}', KNOWN).one("event_name") == "😀\0"

    def test_a_name_twice_among_very_many_is_found_soon(self) -> None:
        members = ",".join(f'"{number}":1' for number in range(9_000))
        began = time.monotonic()
        assert "'0' stands twice" in refused(from_body, f'{{{members},"0":1}}'.encode(), KNOWN)[0]
        assert time.monotonic() - began < 2

    @given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | texts,
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.sampled_from(
                            [*KNOWN, "filters", "field", "operator", "values"]), inner, max_size=3)))  # fmt: skip
    def test_any_json_is_given_or_refused(self, document: Any) -> None:
        with suppress(Invalid):
            assert set(body(document).texts) <= set(KNOWN)


class TestBothForms:
    """A filter may be said in the query string and in a body, with one meaning."""

    @given(texts, st.lists(texts, min_size=1, max_size=3))
    def test_any_key_and_any_texts(self, key: str, values: list[str]) -> None:
        pairs = [(f"prop.{key}[is]", value) for value in values]
        by_body = body({"filters": [{"field": f"prop.{key}", "values": values}]})
        assert query(urlencode(pairs)) == by_body
        assert by_body.conditions == (Condition(Property(key), Operator.IS, tuple(values)),)

    @pytest.mark.parametrize(
        ("said", "item"),
        [
            ("country=DE&country=AT", {"field": "country", "values": ["DE", "AT"]}),
            ("country[not]=DE", {"field": "country", "operator": "not", "values": ["DE"]}),
            ("path[contains]=%2Fa", {"field": "path", "operator": "contains", "values": ["/a"]}),
            ("utm_source[set]=true", {"field": "utm_source", "operator": "set"}),
            ("utm_source[set]=false", {"field": "utm_source", "operator": "not_set", "values": []}),
            ("utm_source[not_set]=false", {"field": "utm_source", "operator": "set"}),
            ("prop.amount[gte]=49.90", {"field": "prop.amount", "operator": "gte", "values": [49.9]}),
            (
                "prop.amount[between]=10..99.5",
                {"field": "prop.amount", "operator": "between", "values": [10, "99.5"]},
            ),
            (
                "prop.amount[between]=-5..-1e-1",
                {"field": "prop.amount", "operator": "between", "values": [-5, -0.1]},
            ),
            ("prop.=", {"field": "prop.", "values": [""]}),
            ("prop.*=1", {"field": "prop.*", "values": ["1"]}),
            ("prop.a.b=1", {"field": "prop.a.b", "values": ["1"]}),
            ("prop.a[gt][is]=1", {"field": "prop.a[gt]", "values": ["1"]}),
            ("prop.a[0]=1", {"field": "prop.a[0]", "values": ["1"]}),
            ("prop.%00=%00", {"field": "prop.\0", "values": ["\0"]}),
            ("prop.%22%27=%5C", {"field": "prop.\"'", "values": ["\\"]}),
        ],
    )
    def test_examples(self, said: str, item: dict[str, Any]) -> None:
        found = query(said)
        assert found == body({"filters": [item]})
        assert len(found.conditions) == 1

    def test_filters_of_one_field_with_several_operators_are_several(self) -> None:
        found = query("prop.a[gt]=1&prop.a[lt]=5&country=DE&prop.a=3").conditions
        assert [condition.operator for condition in found] == [
            Operator.GT,
            Operator.LT,
            Operator.IS,
            Operator.IS,
        ]

    @pytest.mark.parametrize("name", [name for name in DIMENSIONS if name not in KNOWN])
    def test_each_dimension_is_a_filter(self, name: str) -> None:
        [condition] = query(f"{quote(name)}=x").conditions
        assert condition == Condition(DIMENSIONS[name], Operator.IS, ("x",))

    def test_too_many(self) -> None:
        item = {"field": "country", "values": ["DE"]}
        assert len(body({"filters": [item] * 50}).conditions) == 50
        expected = ("51 filters are given, at most 50 are taken", "filters")
        assert refused(body, {"filters": [item] * 51}) == expected
        assert refused(query, "&".join(f"prop.{number}=1" for number in range(51))) == expected

    def test_filters_must_be_a_list(self) -> None:
        values: list[Any] = [{}, "x", None, 1]
        for value in values:
            message, field = refused(conditions_of, value)
            assert (field, message[:23]) == ("filters", "filters must be a list ")
        assert refused(conditions_of, 1, "steps[0].filters")[1] == "steps[0].filters"
