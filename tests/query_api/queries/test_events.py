from datetime import date

from query_api.queries import events
from query_api.question import ask_list

QUESTION = ask_list("w", b"start_date=2026-02-01&end_date=2026-03-01", date(2026, 3, 5))


def test_the_statement_carries_the_question() -> None:
    assert events.statement(QUESTION, 7).parameters == {
        "website_id": "w",
        "from_ms": 1769904000000,
        "until_ms": 1772409600000,
        "max_names": 7,
        "left_out": ("crawler",),
    }


def test_the_answer_has_the_shape_of_the_spec() -> None:
    assert events.answer([("signup_click", 342, 2), ("purchase", 89, 2)]) == {
        "data": [{"event_name": "signup_click", "count": 342}, {"event_name": "purchase", "count": 89}]
    }


def test_nothing_found() -> None:
    assert events.answer([]) == {"data": []}


def test_what_was_left_out_is_said() -> None:
    assert events.answer([("a", 2, 12)])["meta"] == {"truncated": True, "event_names_left_out": 11}
