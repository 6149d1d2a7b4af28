"""How often one event happened, step by step (spec "Event Time Series")."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from query_api.conditions import field_columns
from query_api.events_table import Statement, needed, reading
from query_api.grouping import Value, told, value
from query_api.parameters import Parameters
from query_api.question.filters import Field
from query_api.question.granularity import Buckets
from query_api.question.timeseries import TimeseriesQuestion
from query_api.stepping import bucket

_BODY: Final = """
SELECT {bucket} AS bucket, count() AS events, {visitors} AS visitors
FROM matching
GROUP BY bucket
"""
_TOP_BODY: Final = """
SELECT {value} AS value, count() AS events, count() OVER () AS distinct_values
FROM matching
GROUP BY value
ORDER BY events DESC, value
LIMIT %(limit)s
"""
_SERIES_BODY: Final = """
SELECT if({value} IN ({top}), {value}, ('', '{other}')) AS series, {bucket} AS bucket,
    count() AS events, {visitors} AS visitors
FROM matching
GROUP BY series, bucket
"""
_OTHER: Final = "other"
"""Stands where the type of a value does, and is none."""

Row = tuple[int, int, int]
"""Start of the bucket, its events, its visitors; buckets without events have no row."""


def statement(question: TimeseriesQuestion) -> Statement:
    """Rows in no particular order, at most one per bucket."""
    parameters = Parameters()
    body = _BODY.format(bucket=bucket(question.buckets, parameters), visitors=_visitors(question))
    return reading("timeseries", body, _columns(question), question.selection, parameters)


def previous_statement(question: TimeseriesQuestion, before: Buckets) -> Statement:
    """The same for the period before."""
    selection = question.selection.within(question.selection.period.previous())
    return statement(replace(question, selection=selection, buckets=before))


def top_statement(question: TimeseriesQuestion, field: Field) -> Statement:
    """Rows of value, its events, and how many values there are: the most frequent ones, then by value."""
    parameters = Parameters()
    parameters.put("limit", question.limit)
    body = _TOP_BODY.format(value=value(field, parameters))
    return reading("timeseries_top", body, _columns(question), question.selection, parameters)


def series_statement(question: TimeseriesQuestion, field: Field, top: Sequence[Value]) -> Statement:
    """Rows of value, start of the bucket, events, visitors; all values that are not in `top` go as one."""
    parameters = Parameters()
    ours = ", ".join(f"({parameters.add(text)}, {parameters.add(type_)})" for text, type_ in top)
    body = _SERIES_BODY.format(
        value=value(field, parameters),
        top=ours,
        other=_OTHER,
        bucket=bucket(question.buckets, parameters),
        visitors=_visitors(question),
    )
    return reading("timeseries_series", body, _columns(question), question.selection, parameters)


def _visitors(question: TimeseriesQuestion) -> str:
    return "uniqExactIf(visitor_id, visitor_id != '')" if question.visitors else "0"


def _columns(question: TimeseriesQuestion) -> list[str]:
    broken_down = field_columns(question.breakdown) if question.breakdown else ()
    return list(dict.fromkeys(["timestamp", "visitor_id", *broken_down, *needed(question.selection)]))


def answer(question: TimeseriesQuestion, rows: Sequence[Row]) -> dict[str, Any]:
    """`data`: one point per bucket that the period touches, 0 where nothing happened.

    The first and last bucket may reach beyond the period; events outside it are not counted.
    """
    points = _points(question.buckets, {start: counts for start, *counts in rows}, question.visitors)
    return {"series": points, "granularity": question.buckets.granularity}


def previous(question: TimeseriesQuestion, before: Buckets, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The points of the period before."""
    return _points(before, {start: counts for start, *counts in rows}, question.visitors)


def broken_down(
    question: TimeseriesQuestion, top: Sequence[tuple[Value, int, int]], rows: Sequence[Any]
) -> list[dict[str, Any]]:
    """One entry per value of `top` in its order, and one for all others where there are any."""
    found: dict[Value, dict[int, Sequence[int]]] = {}
    for series, start, *counts in rows:
        found.setdefault((series[0], series[1]), {})[start] = counts
    entries = [_entry(question, told(value), found.get((value[0], value[1]), {})) for value, *_ in top]
    other = found.get(("", _OTHER))
    if other:
        entries.append(_entry(question, {"value": None, "type": _OTHER}, other))
    return entries


def _entry(
    question: TimeseriesQuestion, value: dict[str, Any], counts: Mapping[int, Sequence[int]]
) -> dict[str, Any]:
    total = sum(events for events, *_ in counts.values())
    return {**value, "count": total, "series": _points(question.buckets, counts, question.visitors)}


def _points(buckets: Buckets, counts: Mapping[int, Sequence[int]], visitors: bool) -> list[dict[str, Any]]:  # noqa: FBT001
    points = []
    for start, label in zip(buckets.starts, buckets.labels, strict=True):
        events, who = counts.get(start, (0, 0))
        point: dict[str, Any] = {"date": label, "count": events}
        points.append({**point, "visitors": who} if visitors else point)
    return points
