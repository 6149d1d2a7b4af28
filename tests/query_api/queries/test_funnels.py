from typing import Any

from query_api.queries import funnels
from query_api.question.funnels import FunnelQuestion, ask
from query_api.question.selection import Context

STEPS = [{"page": "/cart"}, {"event_name": "checkout"}, {"event_name": "purchase"}]


def question(**members: Any) -> FunnelQuestion:
    return ask({"steps": STEPS, **members}, Context("w", 1_772_668_800_000))[0]


ALL = (0, ("", ""), 2, 9, 6, [1500.0, 9000.0], 24_000, 3, [100.5, 101.0], 301)
GERMAN = (1, ("DE", "string"), 2, 5, 4, [1500.0, 9000.0], 24_000, 3, [100.5, 101.0], 301)
OTHERS = (2, ("FR", "string"), 2, 4, 2, [1.0, 2.0], 3, 0, [float("nan"), float("nan")], 0)


def test_values_go_in_as_parameters() -> None:
    statement = funnels.statement(question(window_seconds=90, breakdown="prop.'; --"))
    assert statement.parameters["window_ms"] == 90_000
    assert statement.parameters["limit"] == 10
    assert {"checkout", "purchase", "/cart", "'; --"} <= set(map(str, statement.parameters.values()))
    for text in ("checkout", "/cart", "'; --"):
        assert text not in statement.sql


def test_only_the_events_of_the_steps_are_read() -> None:
    statement = funnels.statement(question())
    assert ("", "checkout", "purchase") in statement.parameters.values()
    assert "visitor_source" not in statement.sql
    assert "visitor_source = 'client'" in funnels.statement(question(window_seconds=86_401)).sql


def test_counts_conversions_and_seconds() -> None:
    data, told = funnels.answer(question(), [ALL])
    assert told == {}
    assert data["totals"] == {"entered": 9, "converted": 3, "conversion": 0.3333}
    assert data["steps"] == [
        {
            "step": 1,
            "type": "page",
            "name": "/cart",
            "count": 9,
            "conversion": 1.0,
            "conversion_from_previous": None,
            "dropped": 0,
            "seconds": None,
        },
        {
            "step": 2,
            "type": "event",
            "name": "checkout",
            "count": 6,
            "conversion": 0.6667,
            "conversion_from_previous": 0.6667,
            "dropped": 3,
            "seconds": {"median": 1.5, "p90": 9.0, "average": 4.0},
        },
        {
            "step": 3,
            "type": "event",
            "name": "purchase",
            "count": 3,
            "conversion": 0.3333,
            "conversion_from_previous": 0.5,
            "dropped": 3,
            "seconds": {"median": 0.101, "p90": 0.101, "average": 0.1},
        },
    ]


def test_nobody_entered() -> None:
    data, told = funnels.answer(question(breakdown="country"), [])
    assert data["totals"] == {"entered": 0, "converted": 0, "conversion": None}
    assert [step["conversion"] for step in data["steps"]] == [None, None, None]
    assert [step["seconds"] for step in data["steps"]] == [None, None, None]
    assert (data["breakdown"], told) == ([], {"breakdown_values": 0})


def test_values_by_rank_and_all_others_together() -> None:
    data, told = funnels.answer(question(breakdown="country", limit=1), [ALL, GERMAN, OTHERS])
    german, others = data["breakdown"]
    assert (german["value"], german["type"], german["totals"]["entered"]) == ("DE", "string", 5)
    assert (others["value"], others["type"], others["totals"]["converted"]) == (None, "other", 0)
    assert others["steps"][2]["seconds"] is None
    assert told == {"breakdown_values": 2}
