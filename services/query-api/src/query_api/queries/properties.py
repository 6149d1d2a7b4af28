"""How the property keys and values of one event break down (spec "Event Properties Breakdown").

Over all matching events, never a sample. A property value is text: numbers as the JSON wrote them,
`true` and `false`, arrays as JSON text; nested keys are dotted paths.
"""

from collections.abc import Sequence
from typing import Any

from query_api.events_table import Statement, reading
from query_api.question import PropertiesQuestion

# groupArraySorted keeps only its best, so a key with a million values costs the answer nothing more.
_BODY = """
SELECT
    property_key,
    sum(events) AS total,
    count() AS distinct_values,
    groupArraySorted(%(max_values)s)((-toInt64(events), property_value)) AS top,
    count() OVER () AS keys
FROM
(
    SELECT property_key, property_value, count() AS events
    FROM matching
    ARRAY JOIN property_keys AS property_key, property_values AS property_value
    GROUP BY property_key, property_value
)
GROUP BY property_key
ORDER BY total DESC, property_key
LIMIT %(max_keys)s
"""

Row = tuple[str, int, int, list[tuple[int, str]], int]
"""Key, its events, its values in all, the top values as (minus count, value), how many keys there are in all."""


def statement(question: PropertiesQuestion, max_keys: int, max_values: int) -> Statement:
    """Rows of the `max_keys` most frequent keys with `max_values` values each; ties go by name."""
    return reading(
        "properties",
        _BODY,
        columns=["property_keys", "property_values"],
        website_id=question.website_id,
        period=question.period,
        left_out=question.left_out,
        event_name=question.event_name,
        parameters={"max_keys": max_keys, "max_values": max_values},
    )


def answer(rows: Sequence[Row]) -> dict[str, Any]:
    """The body of the answer; `meta` only where keys or values were left out."""
    body: dict[str, Any] = {"data": [_key(row) for row in rows]}
    keys_left_out = rows[0][4] - len(rows) if rows else 0
    values_left_out = {key: n - len(top) for key, _total, n, top, _keys in rows if n > len(top)}
    if keys_left_out or values_left_out:
        body["meta"] = {
            "truncated": True,
            "property_keys_left_out": keys_left_out,
            "values_left_out": values_left_out,
        }
    return body


def _key(row: Row) -> dict[str, Any]:
    key, _total, _distinct, top, _keys = row
    return {"property_key": key, "values": [{"value": value, "count": -minus} for minus, value in top]}
