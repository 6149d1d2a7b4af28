"""How often one event happened, step by step (spec "Event Time Series")."""

from collections.abc import Sequence
from typing import Any

from query_api.events_table import Statement, reading
from query_api.question import TimeseriesQuestion

_BODY = """
SELECT {bucket} AS bucket, count() AS events
FROM matching
GROUP BY bucket
"""

Row = tuple[int, int]
"""Bucket number, its events; buckets without events have no row."""


def statement(question: TimeseriesQuestion) -> Statement:
    """Rows in no particular order, at most one per bucket of the question."""
    return reading(
        "timeseries",
        _BODY.replace("{bucket}", question.granularity.sql),
        columns=["timestamp"],
        website_id=question.website_id,
        period=question.period,
        left_out=question.left_out,
        event_name=question.event_name,
    )


def answer(question: TimeseriesQuestion, rows: Sequence[Row]) -> dict[str, Any]:
    """The body of the answer: one point per bucket that the period touches, 0 where nothing happened.

    The first and last week or month may reach beyond the period; events outside it are not counted.
    """
    counts = dict(rows)
    label = question.granularity.label
    series = [{"date": label(number), "count": counts.get(number, 0)} for number in question.buckets]
    return {"data": {"series": series, "granularity": question.granularity.name}}
