"""How the property keys and values of one event break down (spec "Event Properties Breakdown").

Over all matching events, never a sample. The text of a value is what the client sent: numbers as the JSON wrote them,
`true` and `false`, arrays as JSON text; nested keys are dotted paths. A value is told by its text and its type.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

from eventrail.rows.property_sql import COLUMNS, EACH, EACH_NUMBER
from query_api.conditions import contains
from query_api.events_table import Statement, needed, reading
from query_api.parameters import Parameters
from query_api.question.properties import PropertiesQuestion

PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""Exact, with linear interpolation between the two nearest values (PERCENTILE.INC)."""

# Text, type and number of a value go together, so a value is parsed once however often it occurs. groupArraySorted
# keeps only its best, so a key with a million values costs the answer nothing more.
_BODY = """
SELECT
    property_key,
    sum(events) AS total,
    count() AS distinct_values,
    groupArraySorted({values})((-toInt64(events), property_text, type)) AS top,
    sumMap([type], [events]) AS types,
    sumIf(events, isNotNull(number)) AS numbers,
    sumIf(number * events, isNotNull(number)) AS number_sum,
    minIf(assumeNotNull(number), isNotNull(number)) AS number_min,
    maxIf(assumeNotNull(number), isNotNull(number)) AS number_max,
    {percentiles} AS number_percentiles,
    count() OVER () AS keys
FROM
(
    SELECT
        property_key, property_text, toString(property_type) AS type, count() AS events, {number} AS number
    FROM matching
    {each}
    {where}
    GROUP BY property_key, property_text, property_type
)
GROUP BY property_key
ORDER BY total DESC, property_key
LIMIT %(limit)s
"""

_MATCHED_BODY: Final = "SELECT count() FROM matching"

Row = tuple[Any, ...]


def statement(question: PropertiesQuestion) -> Statement:
    """Rows of the most frequent keys; ties go by name."""
    parameters = Parameters()
    parameters.put("limit", question.limit)
    where = ""
    if question.search:
        where = f"WHERE {contains('property_key', parameters.put('search', question.search))}"
    body = _BODY.format(
        values=question.values, percentiles=_percentiles(), number=EACH_NUMBER, each=EACH, where=where
    )
    columns = dict.fromkeys([*COLUMNS, *needed(question.selection)])
    return reading("properties", body, list(columns), question.selection, parameters)


def matched_statement(question: PropertiesQuestion) -> Statement:
    """One row: how many events there are, with properties or without.

    As a subquery of `statement` it would be run, not estimated, by EXPLAIN ESTIMATE.
    """
    columns = list(dict.fromkeys(["timestamp", *needed(question.selection)]))
    return reading("properties_matched", _MATCHED_BODY, columns, question.selection, Parameters())


def _percentiles() -> str:
    levels = ", ".join(map(str, PERCENTILES.values()))
    arguments = "assumeNotNull(number), events, isNotNull(number)"
    return f"quantilesExactWeightedInterpolatedIf({levels})({arguments})"


def answer(
    question: PropertiesQuestion, rows: Sequence[Row], matched: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """`data`, and what `meta` says of it; `matched` is what `matched_statement` says."""
    keys = rows[0][-1] if rows else 0
    left_out = keys - len(rows)
    values_left_out = {row[0]: row[2] - len(row[3]) for row in rows if row[2] > len(row[3])}
    meta: dict[str, Any] = {
        "property_keys": keys,
        "truncated": bool(left_out or values_left_out),
        "property_keys_left_out": left_out,
        "values_left_out": values_left_out,
        "events": matched,
    }
    return [_key(row, matched) for row in rows], meta


def _key(row: Row, matched: int) -> dict[str, Any]:
    key, total, _distinct, top, (types, counts), *_rest = row
    values = [{"value": text, "count": -minus, "type": type_} for minus, text, type_ in top]
    entry = {
        "property_key": key,
        "values": values,
        "other": total - sum(value["count"] for value in values),
        "not_set": matched - total,
        "types": dict(sorted(zip(types, counts, strict=True))),
    }
    return entry if not row[5] else {**entry, "numbers": _numbers(row)}


def _numbers(row: Row) -> dict[str, Any]:
    count, total, least, most, percentiles = row[5:10]
    return {
        "count": count,
        "sum": finite(total),
        "average": finite(total / count),
        "min": least,
        "max": most,
        **dict(zip(PERCENTILES, map(finite, percentiles), strict=True)),
    }


def finite(number: float) -> float | None:
    """JSON has no infinity: a sum that is beyond the range of doubles is null."""
    return number if math.isfinite(number) else None
