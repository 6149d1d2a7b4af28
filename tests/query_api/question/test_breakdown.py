from typing import Any

import pytest

from query_api.errors import Invalid
from query_api.question.breakdown import STATISTICS, BreakdownQuestion, Metric, ask
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import Property
from query_api.question.selection import Context, EventType, Limits

NOW_MS = 1_772_712_000_000
CONTEXT = Context("shop", NOW_MS)


def asked(**document: Any) -> BreakdownQuestion:
    question, _given = ask(document, CONTEXT)
    return question


def refused(**document: Any) -> tuple[str, str | None]:
    with pytest.raises(Invalid) as caught:
        ask(document, CONTEXT)
    return caught.value.message, caught.value.field


def test_nothing_said_counts_all_custom_events() -> None:
    question = asked()
    assert question.metrics == (Metric("count"),)
    assert (question.fields, question.buckets, question.limit) == ((), None, 100)
    assert (question.order_by, question.descending) == (Metric("count"), True)
    assert (question.selection.event_type, question.selection.event_name) == (EventType.CUSTOM, None)


def test_metrics_and_fields_are_named_as_callers_write_them() -> None:
    question = asked(
        metrics=["visitors", {"statistic": "p95", "field": "prop.a.b"}],
        group_by=["country", "prop.plan", "prop."],
    )
    assert [metric.name for metric in question.metrics] == ["visitors", "p95(prop.a.b)"]
    assert question.fields == (DIMENSIONS["country"], Property("plan"), Property(""))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_each_statistic_needs_a_property(statistic: str) -> None:
    metric = {"statistic": statistic, "field": "prop.amount"}
    assert asked(metrics=[metric]).metrics == (Metric(statistic, Property("amount")),)
    message, field = refused(metrics=[statistic])
    assert (field, "needs a property" in message) == ("metrics[0]", True)
    assert refused(metrics=[{"statistic": statistic, "field": "country"}])[1] == "metrics[0].field"


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"metrics": []}, "metrics", "1 to 20"),
        ({"metrics": "count"}, "metrics", "a list"),
        ({"metrics": ["count"] * 21}, "metrics", "1 to 20"),
        ({"metrics": ["count", "count"]}, "metrics", "twice"),
        ({"metrics": ["visitorz"]}, "metrics[0]", "do you mean visitors?"),
        ({"metrics": [7]}, "metrics[0]", "must be one of"),
        (
            {"metrics": [{"statistic": "mean", "field": "prop.x"}]},
            "metrics[0].statistic",
            "unknown statistic",
        ),
        ({"metrics": [{"statistic": "sum"}]}, "metrics[0]", "must be one of"),
        ({"metrics": [{"statistic": ["sum"], "field": "prop.x"}]}, "metrics[0].statistic", "known:"),
        ({"group_by": ["country"] * 2}, "group_by", "twice"),
        ({"group_by": ["os", "city", "path", "url"]}, "group_by", "up to 3"),
        ({"group_by": ["contry"]}, "group_by[0]", "do you mean country?"),
        ({"group_by": [None]}, "group_by[0]", "must be a dimension"),
        ({"order_by": {"metric": "visitors"}}, "order_by.metric", "one of count"),
        ({"order_by": {"metric": "count", "descending": 1}}, "order_by.descending", "true or false"),
        ({"order_by": ["count"]}, "order_by", "such as"),
        ({"limit": 0}, "limit", "from 1 to 10,000"),
        ({"event_type": "click"}, "event_type", "custom, pageview, any"),
        ({"event_type": "pageview", "event_name": "a"}, "event_name", "custom events"),
        ({"granularity": "dya"}, "granularity", "do you mean day?"),
        ({"grup_by": []}, "grup_by", "do you mean group_by?"),
    ],
)
def test_what_is_wrong_is_named(document: dict[str, Any], field: str, words: str) -> None:
    message, named = refused(**document)
    assert named == field
    assert words in message


@pytest.mark.parametrize(
    ("kind", "type_"), [("pageview", EventType.PAGEVIEW), ("any", None), ("custom", EventType.CUSTOM)]
)
def test_page_views_and_all_events(kind: str, type_: EventType | None) -> None:
    assert asked(event_type=kind).selection.event_type is type_


def test_an_answer_is_bounded_with_its_names() -> None:
    """An answer repeats the name of a metric with each value."""
    long = [{"statistic": one, "field": f"prop.{end * 4_000}"} for one in STATISTICS for end in "ab"]
    with pytest.raises(Invalid, match="at most 158 are answered"):
        ask({"metrics": long, "granularity": "day", "start_date": "2025-01-01"}, CONTEXT)
    assert asked(metrics=long, group_by=["city"]).limit == 100
    assert refused(metrics=long, group_by=["city"], limit=10_000)[1] == "limit"
    assert asked(metrics=["count", "visitors"], group_by=["city"], limit=10_000).limit == 10_000


def test_steps_are_fewer_where_groups_are_many() -> None:
    small = Context("shop", NOW_MS, limits=Limits(cells=200))
    with pytest.raises(Invalid, match="at most 18 are answered; use granularity week"):
        ask({"group_by": ["city"], "granularity": "day", "limit": 10}, small)
    question, _ = ask({"granularity": "day", "limit": 10}, small)
    assert question.buckets is not None
    assert len(question.buckets.starts) == 30
