from typing import Any

from query_api.queries import retention
from query_api.question.retention import RetentionQuestion, ask
from query_api.question.selection import Context


def question(**members: Any) -> RetentionQuestion:
    asked = {
        "start": {"event_name": "signup"},
        "start_date": "2026-03-01",
        "end_date": "2026-03-04",
        "periods": 2,
        **members,
    }
    return ask(asked, Context("w", 1_772_668_800_000))[0]


def test_values_go_in_as_parameters() -> None:
    statement = retention.statement(question(**{"return": {"page": "/app"}}))
    assert statement.parameters["numbers"] == [0, 1, 2, 3]
    assert ("signup", "") in statement.parameters.values()
    assert "signup" not in statement.sql
    assert "visitor_source = 'client'" in statement.sql


def test_without_a_return_every_event_is_one() -> None:
    statement = retention.statement(question())
    assert "1 AS returns" in statement.sql
    assert "(starts OR returns)" not in statement.sql


def test_cohorts_have_as_many_steps_as_the_period() -> None:
    rows = [(0, -1, 5), (0, 0, 4), (0, 2, 1), (3, -1, 2), (3, 0, 1)]
    assert retention.answer(question(), rows) == {
        "cohorts": [
            {"date": "2026-03-01", "visitors": 5, "returned": [4, 0, 1]},
            {"date": "2026-03-02", "visitors": 0, "returned": [0, 0, 0]},
            {"date": "2026-03-03", "visitors": 0, "returned": [0, 0]},
            {"date": "2026-03-04", "visitors": 2, "returned": [1]},
        ],
        "granularity": "day",
    }
