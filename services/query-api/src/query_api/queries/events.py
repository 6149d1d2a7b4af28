"""Names of a website's custom events with their counts (spec "List Event Names")."""

from collections.abc import Sequence
from typing import Any

from query_api.conditions import contains
from query_api.events_table import Statement, moment, needed, reading
from query_api.parameters import Parameters
from query_api.question.events import EventsQuestion
from query_api.question.period import Period

# Windows are reckoned before the limit, so `names` and `total` are of all names.
_BODY = """
SELECT event_name, {counts}, count() OVER () AS names, sum(events) OVER () AS total
FROM matching
GROUP BY event_name
HAVING events > 0{or_before}
ORDER BY events DESC, event_name
LIMIT %(limit)s OFFSET %(offset)s
"""

Row = tuple[Any, ...]
"""Name, its events, its visitors, its events in the period before, how many names and events there are in all."""


def statement(question: EventsQuestion) -> Statement:
    """Rows by count descending, then name. What was not asked for is 0 in them."""
    parameters, selection = Parameters(), question.selection
    parameters.put("limit", question.limit)
    parameters.put("offset", question.offset)
    previous = "previous" in question.include
    where = [contains("event_name", parameters.put("search", question.search))] if question.search else []
    counts = _counts(selection.period, previous, "visitors" in question.include, parameters)
    if previous:
        selection = selection.within(_both(selection.period))
    body = _BODY.format(counts=", ".join(counts), or_before=" OR before > 0" if previous else "")
    columns = dict.fromkeys(["event_name", "timestamp", "visitor_id", *needed(selection)])
    return reading("events", body, list(columns), selection, parameters, where)


def _both(period: Period) -> Period:
    """The period and the one before it."""
    before = period.previous()
    return Period(before.from_ms, period.until_ms, period.zone, None, period.kept_ms)


def _counts(period: Period, previous: bool, visitors: bool, parameters: Parameters) -> list[str]:  # noqa: FBT001
    now = f"timestamp >= {moment(parameters.put('now_from_ms', period.from_ms))}" if previous else "1"
    who = f"uniqExactIf(visitor_id, visitor_id != '' AND {now})" if visitors else "0"
    return [
        f"countIf({now}) AS events",
        f"{who} AS visitors",
        f"countIf(NOT ({now})) AS before" if previous else "0 AS before",
    ]


def answer(question: EventsQuestion, rows: Sequence[Row]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """`data`, and what `meta` says of it."""
    data = [_entry(question, row) for row in rows]
    names, total = (rows[0][4], rows[0][5]) if rows else (0, 0)
    left_out = max(names - question.offset - len(rows), 0)
    meta: dict[str, Any] = {"event_names": names, "events": total}
    if not rows and question.offset:
        meta = {}  # behind the last name nothing is known of the others
    return data, {**meta, "truncated": left_out > 0, "event_names_left_out": left_out}


def _entry(question: EventsQuestion, row: Row) -> dict[str, Any]:
    name, events, visitors, before, *_ = row
    entry = {"event_name": name, "count": events}
    if "visitors" in question.include:
        entry["visitors"] = visitors
    if "previous" in question.include:
        entry["previous"] = {"count": before}
    return entry
