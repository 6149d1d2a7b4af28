from typing import Any

from query_api.queries import properties
from query_api.question.given import from_query
from query_api.question.properties import FIELDS, PropertiesQuestion, ask
from query_api.question.selection import Context


def asked(query: bytes = b"") -> PropertiesQuestion:
    days = b"event_name=purchase&start_date=2026-02-01&end_date=2026-03-01&limit=7&values=9&"
    return ask(from_query(days + query, FIELDS), Context("w", 1_772_712_000_000))


NO_NUMBERS = (0, 0.0, 0.0, 0.0, [float("nan")] * 4)


def row(key: str, total: int, distinct: int, top: list[Any], types: Any, keys: int) -> tuple[Any, ...]:
    return (key, total, distinct, top, types, *NO_NUMBERS, keys)


def test_the_statement_carries_the_question() -> None:
    statement = properties.statement(asked())
    assert statement.parameters == {
        "website_id": "w",
        "from_ms": 1769904000000,
        "until_ms": 1772409600000,
        "event_name": "purchase",
        "limit": 7,
        "left_out": ("crawler",),
    }
    assert "groupArraySorted(9)" in statement.sql
    assert properties.statement(asked(b"search=x'")).parameters["search"] == "x'"


def test_the_answer_has_the_shape_of_the_spec_and_adds_up() -> None:
    top = [(-56, "pro", "string"), (-33, "enterprise", "string")]
    data, told = properties.answer(asked(), [row("plan", 90, 3, top, (["string"], [90]), 1)], 100)
    assert data == [
        {
            "property_key": "plan",
            "values": [
                {"value": "pro", "count": 56, "type": "string"},
                {"value": "enterprise", "count": 33, "type": "string"},
            ],
            "other": 1,
            "not_set": 10,
            "types": {"string": 90},
        }
    ]
    assert told == {
        "property_keys": 1,
        "truncated": True,
        "property_keys_left_out": 0,
        "values_left_out": {"plan": 1},
        "events": 100,
    }


def test_numbers() -> None:
    found = ("a", 3, 2, [(-2, "1", "number"), (-1, "x", "string")], (["string", "number"], [1, 2]), 2, 3.0, 1.0, 2.0,
             [1.5, 1.9, 1.95, 1.99], 1)  # fmt: skip
    [entry], _ = properties.answer(asked(), [found], 3)
    assert entry["types"] == {"number": 2, "string": 1}
    assert entry["numbers"] == {
        "count": 2, "sum": 3.0, "average": 1.5, "min": 1.0, "max": 2.0, "p50": 1.5, "p90": 1.9,
        "p95": 1.95, "p99": 1.99,
    }  # fmt: skip


def test_a_sum_beyond_doubles_is_null() -> None:
    assert properties.finite(float("inf")) is None
    assert properties.finite(float("nan")) is None
    assert properties.finite(1.5) == 1.5


def test_nothing_found() -> None:
    assert properties.answer(asked(), [], 5) == (
        [],
        {
            "property_keys": 0,
            "truncated": False,
            "property_keys_left_out": 0,
            "values_left_out": {},
            "events": 5,
        },
    )


def test_what_was_left_out_is_said() -> None:
    rows = [
        row("id", 9, 5, [(-5, "a", "string")], ([], []), 3),
        row("plan", 4, 1, [(-4, "b", "string")], ([], []), 3),
    ]
    told = properties.answer(asked(), rows, 9)[1]
    assert (told["truncated"], told["property_keys_left_out"], told["values_left_out"]) == (
        True,
        1,
        {"id": 4},
    )


def test_keys_left_out_alone() -> None:
    told = properties.answer(asked(), [row("plan", 4, 1, [(-4, "pro", "string")], ([], []), 2)], 4)[1]
    assert (told["truncated"], told["property_keys_left_out"], told["values_left_out"]) == (True, 1, {})
