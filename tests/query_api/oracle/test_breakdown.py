"""`POST .../events/query` agrees with plain Python: random metrics, up to three fields, steps, orders and limits."""

import random
from collections.abc import Sequence
from typing import Any, Final

import httpx
import pytest
from clickhouse_driver import Client
from hypothesis import given

from tests.query_api.oracle import answers
from tests.query_api.oracle.asking import Question, random_question
from tests.query_api.oracle.events import KEYS, NIL_SESSION, Event
from tests.query_api.oracle.filters import number_of, random_field, value_of
from tests.query_api.oracle.test_oracle import EXAMPLES, Case, assert_about_same, seeds, sizes

pytestmark = pytest.mark.stack

QUESTIONS: Final = 10
COUNTS: Final = ("count", "visitors", "sessions")
LEVELS: Final = {"p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99}
STATISTICS: Final = ("numbers", "sum", "average", "min", "max", *LEVELS)
INEXACT: Final = ("sum", "average")
"""Their last digits depend on the order of adding up: no order of groups can be told by them."""

Metric = str | dict[str, str]
Group = tuple[tuple[str, str], ...]
"""Text and type of each field's value; ("", "") where it is not set."""


def name_of(metric: Metric) -> str:
    return metric if isinstance(metric, str) else f"{metric['statistic']}({metric['field']})"


def value(metric: Metric, events: Sequence[Event]) -> Any:
    """A metric of events, the slow and obvious way."""
    if metric == "count":
        return len(events)
    if metric == "visitors":
        return answers.visitors(events)
    if metric == "sessions":
        return len({event.dimensions["session_id"] for event in events} - {"", NIL_SESSION})
    assert isinstance(metric, dict)
    found = (number_of(value_of(event, metric["field"])) for event in events)
    numbers = sorted(number for number in found if number is not None)
    return statistic(metric["statistic"], numbers)


def statistic(name: str, numbers: Sequence[float]) -> Any:
    if name == "numbers":
        return len(numbers)
    if not numbers:
        return None
    plain = {
        "sum": sum(numbers),
        "average": sum(numbers) / len(numbers),
        "min": numbers[0],
        "max": numbers[-1],
    }
    return plain[name] if name in plain else answers.percentile(numbers, LEVELS[name])


def metrics_of(metrics: Sequence[Metric], events: Sequence[Event]) -> dict[str, Any]:
    return {name_of(metric): value(metric, events) for metric in metrics}


def grouped(events: Sequence[Event], fields: Sequence[str]) -> dict[Group, list[Event]]:
    found: dict[Group, list[Event]] = {}
    for event in events:
        values = (value_of(event, field) for field in fields)
        found.setdefault(tuple((one[1], one[0]) if one else ("", "") for one in values), []).append(event)
    return found


def in_order(groups: dict[Group, list[Event]], by: Metric, *, descending: bool) -> list[Group]:
    """By the metric, groups without one last, then by the bytes of their values."""

    def place(group: Group) -> Any:
        number = value(by, groups[group])
        rank = 0 if number is None else -number if descending else number
        return number is None, rank, [(text.encode(), type_.encode()) for text, type_ in group]

    return sorted(groups, key=place)


def told(fields: Sequence[str], group: Group) -> list[dict[str, Any]]:
    return [
        {"field": field, "value": text if type_ else None, "type": type_ or None}
        for field, (text, type_) in zip(fields, group, strict=True)
    ]


def points(
    metrics: Sequence[Metric], events: Sequence[Event], question: Question, step: str
) -> list[dict[str, Any]]:
    zone = question.span.zone
    steps: dict[str, list[Event]] = {name: [] for name in answers.labels(question.span, step, "monday")}
    for event in events:
        steps[answers.label(event.timestamp_ms, zone, step)].append(event)
    return [{"date": name, **metrics_of(metrics, members)} for name, members in steps.items()]


def random_metrics(dice: random.Random) -> list[Metric]:
    fields = [f"prop.{key}" for key in dice.sample(KEYS, 2)]
    every: list[Metric] = [
        *COUNTS,
        *({"statistic": name, "field": field} for name in STATISTICS for field in fields),
    ]
    return dice.sample(every, dice.choice((1, 2, 5)))


def random_body(dice: random.Random) -> dict[str, Any]:
    metrics = random_metrics(dice)
    ordering = [metric for metric in metrics if isinstance(metric, str) or metric["statistic"] not in INEXACT]
    fields = list(dict.fromkeys(random_field(dice) for _ in range(dice.choice((0, 1, 1, 2, 3)))))
    body: dict[str, Any] = {"metrics": metrics, "group_by": fields, "limit": dice.choice((1, 3, 200))}
    if not ordering:
        body["metrics"], ordering = ["count", *metrics], ["count"]
    body["order_by"] = {"metric": name_of(dice.choice(ordering)), "descending": dice.random() < 0.7}
    if dice.random() < 0.4:
        body["granularity"] = dice.choice(("day", "week", "month"))
    return body


def expected(body: dict[str, Any], events: Sequence[Event], question: Question) -> dict[str, Any]:
    metrics, fields, step = body["metrics"], body["group_by"], body.get("granularity")

    def entry(members: Sequence[Event]) -> dict[str, Any]:
        series = {"series": points(metrics, members, question, step)} if step else {}
        return {"metrics": metrics_of(metrics, members), **series}

    if not fields:
        return {"total": entry(events), "granularity": step}
    groups = grouped(events, fields)
    by = next(metric for metric in metrics if name_of(metric) == body["order_by"]["metric"])
    ranking = in_order(groups, by, descending=body["order_by"]["descending"])
    first, others = ranking[: body["limit"]], ranking[body["limit"] :]
    rest = [event for group in others for event in groups[group]]
    return {
        "groups": [{"group": told(fields, group), **entry(groups[group])} for group in first],
        "other": entry(rest) if others else None,
        "total": {"metrics": metrics_of(metrics, events)},
        "granularity": step,
    }


@EXAMPLES
@given(seed=seeds, size=sizes)
async def test_any_metrics_by_any_fields(api: httpx.AsyncClient, table: Client, seed: int, size: int) -> None:
    case = Case(api, table, seed, size)
    case.store()
    for _ in range(QUESTIONS):
        question, body = random_question(case.dice), random_body(case.dice)
        name = case.dice.choice((None, *case.history.names))
        named = {} if name is None else {"event_name": name}
        answer = await api.post(
            f"/api/websites/{case.website}/events/query",
            json={**question.said, **named, **body, "filters": question.filters},
        )
        assert answer.status_code == 200, (answer.text, body)
        found = answer.json()
        wanted = expected(body, case.meant(question, name), question)
        assert_about_same(found["data"], wanted)
        if body["group_by"]:
            left = found["meta"]["groups"] - len(wanted["groups"])
            assert found["meta"]["truncated"] == bool(left) == (wanted["other"] is not None)
