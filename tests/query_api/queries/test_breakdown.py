import math
from typing import Any

import pytest

from query_api.queries import breakdown
from query_api.question.breakdown import BreakdownQuestion, ask
from query_api.question.selection import Context

CONTEXT = Context("shop", 1_772_712_000_000)
SUM = {"statistic": "sum", "field": "prop.amount"}


def asked(**document: Any) -> BreakdownQuestion:
    question, _given = ask(document, CONTEXT)
    return question


def test_no_word_of_the_caller_stands_in_the_text() -> None:
    hostile = "x'; DROP TABLE events; --"
    question = asked(
        event_name=hostile,
        metrics=[{"statistic": "p50", "field": f"prop.{hostile}"}],
        group_by=[f"prop.{hostile}"],
        filters=[{"field": f"prop.{hostile}", "values": [hostile, 1.5, True]}],
        granularity="day",
    )
    top = breakdown.Top((hostile,), (((hostile, "string"),),), ((1,),), 2, {})
    assert question.buckets is not None
    for statement in (
        breakdown.top_statement(question),
        breakdown.total_statement(question),
        breakdown.rest_statement(question, top),
        breakdown.series_statement(question, question.buckets, top),
    ):
        assert "DROP" not in statement.sql
        assert hostile in statement.parameters.values()
        assert statement.sql.count("FROM events FINAL WHERE ") == 1


def test_groups_with_their_metrics_and_what_is_left() -> None:
    question = asked(metrics=["count"], group_by=["country", "prop.plan"], limit=2)
    rows = [
        ("k1", [("DE", "string"), ("pro", "string")], 5, 4, 12),
        ("k2", [("", ""), ("1", "number")], 3, 4, 12),
    ]
    top = breakdown.top(question, rows)
    assert breakdown.entries(question, top) == [
        {
            "group": [
                {"field": "country", "value": "DE", "type": "string"},
                {"field": "prop.plan", "value": "pro", "type": "string"},
            ],
            "metrics": {"count": 5},
        },
        {
            "group": [
                {"field": "country", "value": None, "type": None},
                {"field": "prop.plan", "value": "1", "type": "number"},
            ],
            "metrics": {"count": 3},
        },
    ]
    assert not breakdown.needs_rest(question)
    assert breakdown.rest(question, top, None) == ({"count": 12}, {"count": 4})


def test_what_does_not_add_up_is_asked_for() -> None:
    question = asked(metrics=["count", "visitors", SUM], group_by=["country"], limit=1)
    top = breakdown.top(question, [("k", [("DE", "string")], 5, 2, 10.5, 3, 9)])
    assert breakdown.needs_rest(question)
    rows = [(None, 9, 4, 20.5), (-1, 4, 3, 10.0), (0, 5, 2, 10.5)]
    assert breakdown.rest(question, top, rows) == (
        {"count": 9, "visitors": 4, "sum(prop.amount)": 20.5},
        {"count": 4, "visitors": 3, "sum(prop.amount)": 10.0},
    )


def test_no_events_at_all() -> None:
    question = asked(metrics=["count", "visitors", SUM], group_by=["country"])
    top = breakdown.top(question, [])
    assert breakdown.entries(question, top) == []
    assert breakdown.rest(question, top, None) == (
        {"count": 0, "visitors": 0, "sum(prop.amount)": None},
        None,
    )


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_json_has_no_infinity(number: float) -> None:
    assert breakdown.told(asked(metrics=[SUM]), [number]) == {"sum(prop.amount)": None}


def test_each_step_has_a_point() -> None:
    question = asked(
        metrics=["count"],
        group_by=["country"],
        granularity="day",
        start_date="2026-03-01",
        end_date="2026-03-03",
        limit=1,
    )
    assert question.buckets is not None
    first, second, _third = question.buckets.starts
    top = breakdown.top(question, [("k", [("DE", "string")], 5, 2, 9)])
    ours, other = breakdown.series(question, question.buckets, top, [(0, second, 5), (-1, first, 4)])
    days = ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert ours == [[{"date": day, "count": count} for day, count in zip(days, (0, 5, 0), strict=True)]]
    assert other == [{"date": day, "count": count} for day, count in zip(days, (4, 0, 0), strict=True)]
