"""Names of a website's custom events with their counts (spec "List Event Names")."""

from collections.abc import Sequence
from typing import Any

from query_api.events_table import Statement, reading
from query_api.question import ListQuestion

_BODY = """
SELECT event_name, count() AS events, count() OVER () AS names
FROM matching
GROUP BY event_name
ORDER BY events DESC, event_name
LIMIT %(max_names)s
"""

Row = tuple[str, int, int]
"""Name, its events, how many names there are in all."""


def statement(question: ListQuestion, max_names: int) -> Statement:
    """Rows of the most frequent `max_names` names: count descending, then name."""
    return reading(
        "events",
        _BODY,
        columns=["event_name"],
        website_id=question.website_id,
        period=question.period,
        left_out=question.left_out,
        parameters={"max_names": max_names},
    )


def answer(rows: Sequence[Row]) -> dict[str, Any]:
    """The body of the answer; `meta` only where names were left out."""
    body: dict[str, Any] = {"data": [{"event_name": name, "count": count} for name, count, _names in rows]}
    left_out = rows[0][2] - len(rows) if rows else 0
    if left_out:
        body["meta"] = {"truncated": True, "event_names_left_out": left_out}
    return body
