"""Sessions as rows, page by page, told from all their events within the period."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from eventrail.contract.codec import rfc3339
from query_api.conditions import all_fit
from query_api.events_table import Statement, needed, reading
from query_api.facts import FACTS, columns_of
from query_api.parameters import Parameters
from query_api.question.rows import Order
from query_api.question.selection import Selection
from query_api.question.sessions import Position, SessionsQuestion

MAX_NAMES: Final = 100
"""Names of custom events that are told of one session, the first in the order of their text."""

OPENING_FACTS: Final = tuple(
    FACTS[name]
    for name in (
        "visitor_id", "visitor_source", "referrer", "referrer_url", "channel", "utm_source", "utm_medium",
        "utm_campaign", "utm_term", "utm_content", "click_id", "country", "region", "city", "browser",
        "browser_version", "os", "os_version", "device", "screen", "language", "bot",
    )
)  # fmt: skip
"""What is told of a session is so at its first event."""

_WHEN: Final = "(timestamp, event_id_high, event_id_low, event_name, identity_day)"
_BODY: Final = f"""
SELECT
    session_id,
    toUnixTimestamp64Milli(min(timestamp)) AS started_ms,
    toUnixTimestamp64Milli(max(timestamp)) AS ended_ms,
    count() AS events,
    countIf(event_type = 'pageview') AS pageviews,
    arraySlice(arraySort(groupUniqArrayIf(toString(event_name), event_type = 'custom')), 1, {MAX_NAMES}) AS names,
    argMinIf(path, {_WHEN}, event_type = 'pageview') AS entry_page,
    argMaxIf(path, {_WHEN}, event_type = 'pageview') AS exit_page,
    argMin(({", ".join(fact.sql for fact in OPENING_FACTS)}), {_WHEN}) AS opening
FROM matching
GROUP BY session_id
HAVING {{having}}
ORDER BY started_ms {{way}}, session_id {{way}}
LIMIT %(limit)s
"""  # noqa: S608 - our own words
_COLUMNS: Final = (
    "session_id", "timestamp", "event_id_high", "event_id_low", "event_name", "identity_day", "event_type", "path",
)  # fmt: skip

Row = tuple[Any, ...]


def statement(question: SessionsQuestion) -> Statement:
    """Sessions in the order that was asked for: one more than fit on the page, where there are more."""
    parameters = Parameters()
    parameters.put("limit", question.limit + 1)
    having = [_has_one_of(question.selection, parameters)]
    if question.after:
        having.append(_behind(question.after, question.order, parameters))
    way = "DESC" if question.order is Order.NEWEST else "ASC"
    return _statement("sessions", question.selection, parameters, having, way)


def one_statement(selection: Selection, session_id: UUID) -> Statement:
    """One row for the session, none where it has no event in the period."""
    parameters = Parameters()
    parameters.put("limit", 1)
    only = f"session_id = toUUID({parameters.put('session_id', str(session_id))})"
    return _statement("session", selection, parameters, ["1"], "ASC", [only])


def _statement(
    name: str,
    selection: Selection,
    parameters: Parameters,
    having: Sequence[str],
    way: str,
    where: Sequence[str] = (),
) -> Statement:
    body = _BODY.format(having=" AND ".join(having), way=way)
    columns = dict.fromkeys([*_COLUMNS, *columns_of(OPENING_FACTS), *needed(selection)])
    everything = replace(selection, conditions=(), event_type=None, event_name=None)
    no_nil = "session_id != toUUID('00000000-0000-0000-0000-000000000000')"
    return reading(name, body, list(columns), everything, parameters, [no_nil, *where])


def _has_one_of(selection: Selection, parameters: Parameters) -> str:
    fits = all_fit(selection.conditions, parameters)
    if selection.event_type is not None:
        fits.append(f"event_type = '{selection.event_type}'")
    if selection.event_name is not None:
        fits.append(f"event_name = {parameters.add(selection.event_name)}")
    return f"countIf({' AND '.join(fits)}) > 0" if fits else "1"


def _behind(after: Position, order: Order, parameters: Parameters) -> str:
    way = "<" if order is Order.NEWEST else ">"
    at, session = parameters.add(after.started_ms), parameters.add(str(after.session_id))
    return f"(started_ms {way} {at} OR (started_ms = {at} AND session_id {way} toUUID({session})))"


def page(question: SessionsQuestion, rows: Sequence[Row]) -> tuple[list[dict[str, Any]], str | None]:
    """The sessions of this page, and the cursor of the next one, None where there is none."""
    found = rows[: question.limit]
    more = len(rows) > question.limit
    return [told(row) for row in found], question.cursor(found[-1][1], found[-1][0]) if more else None


def told(row: Row) -> dict[str, Any]:
    """How an answer tells a session; duration in milliseconds."""
    session_id, started_ms, ended_ms, events, pageviews, names, entry_page, exit_page, opening = row
    facts = {fact.name: value or None for fact, value in zip(OPENING_FACTS, opening, strict=True)}
    return {
        "session_id": str(session_id),
        "visitor_id": facts.pop("visitor_id"),
        "visitor_source": facts.pop("visitor_source"),
        "started": rfc3339(started_ms),
        "ended": rfc3339(ended_ms),
        "duration_ms": ended_ms - started_ms,
        "events": events,
        "pageviews": pageviews,
        "event_names": names,
        "entry_page": entry_page or None,
        "exit_page": exit_page or None,
        **facts,
    }
