from query_api.queries import events
from query_api.question.events import FIELDS, EventsQuestion, ask
from query_api.question.given import from_query
from query_api.question.selection import Context


def asked(query: bytes = b"") -> EventsQuestion:
    days = b"start_date=2026-02-01&end_date=2026-03-01&limit=7&"
    return ask(from_query(days + query, FIELDS), Context("w", 1_772_712_000_000))


def test_the_statement_carries_the_question() -> None:
    assert events.statement(asked()).parameters == {
        "website_id": "w",
        "from_ms": 1769904000000,
        "until_ms": 1772409600000,
        "limit": 7,
        "offset": 0,
        "left_out": ("crawler",),
    }


def test_the_period_before_is_read_in_the_same_statement() -> None:
    parameters = events.statement(asked(b"include=previous&search=x")).parameters
    assert parameters["from_ms"] == 1769904000000 - 29 * 86_400_000
    assert (parameters["now_from_ms"], parameters["until_ms"]) == (1769904000000, 1772409600000)
    assert parameters["search"] == "x"


def test_the_answer_has_the_shape_of_the_spec() -> None:
    assert events.answer(asked(), [("signup_click", 342, 0, 0, 2, 431), ("purchase", 89, 0, 0, 2, 431)]) == (
        [{"event_name": "signup_click", "count": 342}, {"event_name": "purchase", "count": 89}],
        {"event_names": 2, "events": 431, "truncated": False, "event_names_left_out": 0},
    )


def test_what_was_asked_for_beside() -> None:
    data, _ = events.answer(asked(b"include=visitors,previous"), [("a", 3, 2, 5, 1, 3)])
    assert data == [{"event_name": "a", "count": 3, "visitors": 2, "previous": {"count": 5}}]


def test_nothing_found() -> None:
    assert events.answer(asked(), []) == (
        [],
        {"event_names": 0, "events": 0, "truncated": False, "event_names_left_out": 0},
    )


def test_behind_the_last_name_nothing_is_known_of_the_others() -> None:
    assert events.answer(asked(b"offset=9"), []) == ([], {"truncated": False, "event_names_left_out": 0})


def test_what_was_left_out_is_said() -> None:
    _, told = events.answer(asked(), [("a", 2, 0, 0, 12, 20)])
    assert (told["truncated"], told["event_names_left_out"]) == (True, 11)
    _, told = events.answer(asked(b"offset=10"), [("a", 2, 0, 0, 12, 20)])
    assert told["event_names_left_out"] == 1
