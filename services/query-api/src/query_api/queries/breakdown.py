"""Metrics by group and time. Groups that are not among the first go together as one: what they have, no more or less.

Each group's metrics are reckoned from its own events, so that also what does not add up (different visitors,
percentiles) is right for "other" and for the total.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from eventrail.rows import property_sql
from query_api import grouping
from query_api.conditions import field_columns
from query_api.events_table import Statement, needed, reading
from query_api.parameters import Parameters
from query_api.question.breakdown import LEVELS, BreakdownQuestion, Metric
from query_api.question.granularity import Buckets
from query_api.stepping import bucket

NIL_SESSION: Final = "toUUID('00000000-0000-0000-0000-000000000000')"

_TOP_BODY: Final = """
SELECT {key} AS key, any({group}) AS found, {metrics}, count() OVER () AS groups_in_all{sums}
FROM matching
GROUP BY key
ORDER BY {order} {direction} NULLS LAST, found
LIMIT %(limit)s
"""
_REST_BODY: Final = """
SELECT {place} AS place, {metrics}
FROM matching
GROUP BY GROUPING SETS ((place), ())
"""
_TOTAL_BODY: Final = "SELECT {metrics} FROM matching"
_SERIES_BODY: Final = """
SELECT {place} AS place, {bucket} AS bucket, {metrics}
FROM matching
GROUP BY place, bucket
"""
_LONGEST_KEY: Final = 64
_OTHER: Final = -1
"""The place of all groups that are not among the first."""


@dataclass(frozen=True)
class Top:
    """The first groups in their order, how many groups there are, and the totals of the metrics that add up."""

    keys: tuple[str, ...]
    groups: tuple[tuple[grouping.Value, ...], ...]
    metrics: tuple[tuple[Any, ...], ...]
    groups_in_all: int
    sums: Mapping[str, Any]


NO_GROUPS: Final = Top((), (), (), 0, {})
"""Where nothing is grouped by."""


def top_statement(question: BreakdownQuestion) -> Statement:
    """The first groups: their values, their metrics, how many groups there are, and sums over all of them."""
    parameters = Parameters()
    parameters.put("limit", question.limit)
    names = _names(question)
    sums = [f", sum({names[metric]}) OVER ()" for metric in question.metrics if metric.adds_up]
    body = _TOP_BODY.format(
        key=_key(question, parameters),
        group=_group(question, parameters),
        metrics=_metrics(question, parameters),
        sums="".join(sums),
        order=names[question.order_by],
        direction="DESC" if question.descending else "ASC",
    )
    return reading("breakdown_top", body, _columns(question), question.selection, parameters)


def total_statement(question: BreakdownQuestion) -> Statement:
    """One row: the metrics of all events."""
    parameters = Parameters()
    body = _TOTAL_BODY.format(metrics=_metrics(question, parameters))
    return reading("breakdown_total", body, _columns(question), question.selection, parameters)


def rest_statement(question: BreakdownQuestion, top: Top) -> Statement:
    """Rows of place and metrics: _OTHER for the groups that are not first, and one row for all events."""
    parameters = Parameters()
    # With 0 and 1 the total, which has no place, could not be told from a place: NULL it is.
    place = f"toNullable(if({_place(question, top, parameters)} = {_OTHER}, {_OTHER}, 0))"
    body = _REST_BODY.format(place=place, metrics=_metrics(question, parameters))
    statement = reading("breakdown_rest", body, _columns(question), question.selection, parameters)
    return replace(statement, settings={**statement.settings, "group_by_use_nulls": 1})


def series_statement(question: BreakdownQuestion, steps: Buckets, top: Top) -> Statement:
    """Rows of place among the first groups (or _OTHER), start of the bucket, metrics."""
    parameters = Parameters()
    body = _SERIES_BODY.format(
        place=_place(question, top, parameters) if question.fields else "0",
        bucket=bucket(steps, parameters),
        metrics=_metrics(question, parameters),
    )
    return reading("breakdown_series", body, _columns(question), question.selection, parameters)


def _columns(question: BreakdownQuestion) -> list[str]:
    fields = [*question.fields, *(metric.field for metric in question.metrics if metric.field)]
    behind = chain.from_iterable(map(field_columns, fields))
    return list(
        dict.fromkeys(["timestamp", "visitor_id", "session_id", *behind, *needed(question.selection)])
    )


def _group(question: BreakdownQuestion, parameters: Parameters) -> str:
    """An array with the value of each field."""
    return f"[{', '.join(grouping.value(field, parameters) for field in question.fields)}]"


def _key(question: BreakdownQuestion, parameters: Parameters) -> str:
    """A text that two groups share only if they are one: each value behind its length, and its type.

    Long ones become a hash, so that the keys of all groups fit into a statement. No text is one: it has a colon.
    """
    values = (grouping.value(field, parameters) for field in question.fields)
    parts = (f"toString(length({value}.1)), ':', {value}.1, {value}.2" for value in values)
    text = f"concat({', '.join(parts)})"
    return f"if(length({text}) > {_LONGEST_KEY}, hex(sipHash128({text})), {text})"


def _place(question: BreakdownQuestion, top: Top, parameters: Parameters) -> str:
    """The place of an event's group among the first ones, from 0; _OTHER for all others."""
    keys, places = parameters.add(list(top.keys)), parameters.add(list(range(len(top.keys))))
    return f"transform({_key(question, parameters)}, {keys}, {places}, {_OTHER})"


def _names(question: BreakdownQuestion) -> dict[Metric, str]:
    return {metric: f"m{index}" for index, metric in enumerate(question.metrics)}


def _metrics(question: BreakdownQuestion, parameters: Parameters) -> str:
    return ", ".join(f"{_metric(metric, parameters)} AS {name}" for metric, name in _names(question).items())


def _metric(metric: Metric, parameters: Parameters) -> str:
    match metric.statistic:
        case "count":
            return "count()"
        case "visitors":
            return "uniqExactIf(visitor_id, visitor_id != '')"
        case "sessions":
            return f"uniqExactIf(session_id, session_id != {NIL_SESSION})"
    assert metric.field is not None  # noqa: S101 - the question has seen to it
    number = property_sql.number(parameters.add(metric.field.key))
    return _statistic(metric.statistic, number)


def _statistic(statistic: str, number: str) -> str:
    match statistic:
        case "numbers":
            return f"count({number})"
        case "average":
            return f"avg({number})"
        case "sum" | "min" | "max":
            return f"{statistic}({number})"
        case _:
            return f"quantileExactInclusive({LEVELS[statistic]})({number})"


def top(question: BreakdownQuestion, rows: Sequence[Sequence[Any]]) -> Top:
    """What the rows of `top_statement` say."""
    width = len(question.metrics) + 2
    adding = [metric.name for metric in question.metrics if metric.adds_up]
    last = rows[0][width:] if rows else [0] * (1 + len(adding))
    return Top(
        tuple(row[0] for row in rows),
        tuple(tuple((text, type_) for text, type_ in row[1]) for row in rows),
        tuple(tuple(row[2:width]) for row in rows),
        last[0],
        dict(zip(adding, last[1:], strict=True)),
    )


def needs_rest(question: BreakdownQuestion) -> bool:
    """Whether "other" and the total cannot be told from the sums over all groups."""
    return not all(metric.adds_up for metric in question.metrics)


def told(question: BreakdownQuestion, values: Sequence[Any]) -> dict[str, Any]:
    """Metrics by name."""
    return {metric.name: _told(metric, value) for metric, value in zip(question.metrics, values, strict=True)}


def _told(metric: Metric, value: Any) -> Any:
    if value is None:
        return 0 if metric.statistic in ("count", "visitors", "sessions", "numbers") else None
    return value if not isinstance(value, float) or math.isfinite(value) else None


def rest(
    question: BreakdownQuestion, first: Top, rows: Sequence[Sequence[Any]] | None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The metrics of all events, and of those in no group of `first` (None where there are none).

    `rows` are those of `rest_statement`, None where it was not needed.
    """
    nothing = told(question, [None] * len(question.metrics))
    left = first.groups_in_all > len(first.groups)
    if rows is None:
        total = {**nothing, **first.sums}
        return total, _minus(question, total, first) if left else None
    by_place = {place: told(question, values) for place, *values in rows}
    return by_place.get(None, nothing), by_place.get(_OTHER) if left else None


def _minus(question: BreakdownQuestion, total: Mapping[str, Any], first: Top) -> dict[str, Any]:
    found = dict(total)
    for values in first.metrics:
        for name, value in told(question, values).items():
            found[name] -= value
    return found


def entries(question: BreakdownQuestion, first: Top) -> list[dict[str, Any]]:
    """One entry per group: its value of each field, and its metrics."""
    return [
        {
            "group": [
                {"field": field.name, **grouping.told(value)}
                for field, value in zip(question.fields, group, strict=True)
            ],
            "metrics": told(question, values),
        }
        for group, values in zip(first.groups, first.metrics, strict=True)
    ]


def series(
    question: BreakdownQuestion, steps: Buckets, first: Top, rows: Sequence[Sequence[Any]]
) -> tuple[list[list[dict[str, Any]]], list[dict[str, Any]] | None]:
    """The points of each group of `first`, and those of all others (None where there are none)."""
    found: dict[int, dict[int, Sequence[Any]]] = {}
    for place, start, *values in rows:
        found.setdefault(place, {})[start] = values
    ours = [_points(question, steps, found.get(place, {})) for place in range(max(len(first.groups), 1))]
    other = _points(question, steps, found[_OTHER]) if _OTHER in found else None
    return ours, other


def _points(
    question: BreakdownQuestion, steps: Buckets, found: Mapping[int, Sequence[Any]]
) -> list[dict[str, Any]]:
    nothing = [None] * len(question.metrics)
    return [
        {"date": label, **told(question, found.get(start, nothing))}
        for start, label in zip(steps.starts, steps.labels, strict=True)
    ]
