from datetime import date

from query_api.queries import properties
from query_api.question import ask_properties

QUESTION = ask_properties(
    "w", b"event_name=purchase&start_date=2026-02-01&end_date=2026-03-01", date(2026, 3, 5)
)


def test_the_statement_carries_the_question() -> None:
    assert properties.statement(QUESTION, 7, 9).parameters == {
        "website_id": "w",
        "from_ms": 1769904000000,
        "until_ms": 1772409600000,
        "event_name": "purchase",
        "max_keys": 7,
        "max_values": 9,
        "left_out": ("crawler",),
    }


def test_the_answer_has_the_shape_of_the_spec() -> None:
    rows = [("plan", 89, 2, [(-56, "pro"), (-33, "enterprise")], 1)]
    assert properties.answer(rows) == {
        "data": [
            {
                "property_key": "plan",
                "values": [{"value": "pro", "count": 56}, {"value": "enterprise", "count": 33}],
            }
        ]
    }


def test_nothing_found() -> None:
    assert properties.answer([]) == {"data": []}


def test_what_was_left_out_is_said() -> None:
    rows = [("id", 9, 5, [(-5, "a")], 3), ("plan", 4, 1, [(-4, "pro")], 3)]
    assert properties.answer(rows)["meta"] == {
        "truncated": True,
        "property_keys_left_out": 1,
        "values_left_out": {"id": 4},
    }


def test_keys_left_out_alone() -> None:
    rows = [("plan", 4, 1, [(-4, "pro")], 2)]
    assert properties.answer(rows)["meta"] == {
        "truncated": True,
        "property_keys_left_out": 1,
        "values_left_out": {},
    }
