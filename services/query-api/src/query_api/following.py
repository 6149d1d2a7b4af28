"""Visitors and sessions as SQL: whose an event is, and whose events cannot be followed."""

from collections.abc import Sequence
from typing import Any, Final

from query_api.events_table import Statement, needed, reading
from query_api.happenings import by_sort_key, columns, happens
from query_api.parameters import Parameters
from query_api.question.following import By
from query_api.question.happenings import Happening
from query_api.question.selection import Selection

CLIENTS_ONLY: Final = "visitor_source = 'client'"
"""Holds for events whose visitor id the client sent, so that it stays the same from day to day."""

# Cast, because to group by hundreds of thousands of values of a dictionary costs more than by their texts.
VISITOR: Final = "CAST(visitor_id, 'String')"
"""The visitor of an event, to group by."""

_WHO: Final = {
    By.VISITOR: (VISITOR, "visitor_id != ''"),
    By.SESSION: ("session_id", "session_id != toUUID('00000000-0000-0000-0000-000000000000')"),
}
_LEFT_OUT_BODY: Final = """
SELECT
    uniqExactIf(visitor_id, NOT followed AND visitor_id != ''),
    uniqExactIf(visitor_id, followed),
    countIf(NOT followed),
    count()
FROM matching
"""


def who(by: By) -> str:
    """An expression that tells whose an event is."""
    return _WHO[by][0]


def is_somebody(by: By) -> str:
    """Whether it is known whose an event is: an expression of UInt8."""
    return _WHO[by][1]


def left_out_statement(selection: Selection, first: Happening) -> Statement:
    """One row: visitors that begin with `first` and are left out, those that are not, events left out, all events."""
    parameters = Parameters()
    where = [by_sort_key([first], parameters), happens(first, parameters)]
    read = dict.fromkeys(["visitor_id", f"{CLIENTS_ONLY} AS followed", *columns([first]), *needed(selection)])
    return reading("left_out", _LEFT_OUT_BODY, list(read), selection, parameters, where)


def left_out(rows: Sequence[Any]) -> dict[str, Any]:
    """`meta.left_out`: whom an answer about clients' ids has left out. Each day of a hashed id is a visitor."""
    visitors, followed, events, all_events = rows[0] if rows else (0, 0, 0, 0)
    return {
        "reason": "hashed_visitor_ids",
        "visitors": visitors,
        "share": share(visitors, visitors + followed),
        "events": events,
        "events_share": share(events, all_events),
    }


def share(part: int, whole: int) -> float | None:
    """`part` of `whole` from 0 to 1 with four digits; None of nothing."""
    return round(part / whole, 4) if whole else None
