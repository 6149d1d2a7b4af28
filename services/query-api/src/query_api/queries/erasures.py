"""What became of erasures: their state as the writers remember it, and when each place has forgotten. Pure."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from eventrail.contract import topics
from eventrail.contract.codec import rfc3339
from eventrail.erasures.request import Erasure
from eventrail.erasures.tables import DONE, EVENTS, REQUESTS
from query_api.erasure_request import Listing
from query_api.events_table import Statement

_SQL: Final = f"""
SELECT
    erasure_id, toUnixTimestamp64Milli(requested_at), toUnixTimestamp64Milli(covers_until), visitors, events,
    stage, toUnixTimestamp64Milli(at), erased
FROM (SELECT * FROM {REQUESTS} FINAL WHERE website_id = %(website_id)s) AS asked
LEFT JOIN
(
    SELECT erasure_id, uniqExact(event_id) AS erased
    FROM {EVENTS}
    WHERE website_id = %(website_id)s AND seen = 1
    GROUP BY erasure_id
) AS found USING (erasure_id)
"""  # noqa: S608 - our own words
_SETTINGS: Final = {"max_threads": 2, "join_use_nulls": 0}

_BROKER_MS: Final = 10 * 60_000
"""A broker looks for what is too old every five minutes, and takes a minute to remove a file."""

_DAY_MS: Final = 86_400_000
LEDGER_DAYS: Final = 14
"""How long the ledger's tables keep ids (0002_ledger.sql)."""

Row = tuple[UUID, int, int, int, int, int, int, int]
"""As _SQL selects it."""


def one(website_id: str, erasure_id: UUID) -> Statement:
    """At most one row."""
    sql = f"{_SQL}WHERE erasure_id = toUUID(%(erasure_id)s)"
    return Statement("erasure", sql, {"website_id": website_id, "erasure_id": str(erasure_id)}, _SETTINGS)


def many(website_id: str, listing: Listing) -> Statement:
    """The newest first."""
    order = f"ORDER BY requested_at DESC, erasure_id LIMIT {listing.limit:d} OFFSET {listing.offset:d}"
    return Statement("erasures", f"{_SQL}{order}", {"website_id": website_id}, _SETTINGS)


def requested(erasure: Erasure) -> dict[str, Any]:
    """The report on one that no writer has read yet."""
    counts = len(erasure.visitor_ids), len(erasure.event_ids)
    return _report(
        (erasure.erasure_id, erasure.requested_at_ms, erasure.covers_until_ms, *counts, 0, 0, 0), "requested"
    )


def answer(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The reports on erasures."""
    return [_report(row, "done" if row[5] == DONE else "running") for row in rows]


def _report(row: Row, status: str) -> dict[str, Any]:
    erasure_id, requested_at, covers_until, visitors, events, _stage, at, erased = row
    done_at = at if status == "done" else None
    return {
        "erasure_id": str(erasure_id),
        "status": status,
        "requested_at": rfc3339(requested_at),
        "covers_until": rfc3339(covers_until),
        "visitor_ids": visitors,
        "event_ids": events,
        "erased_events": erased,
        "done_at": None if done_at is None else rfc3339(done_at),
        "places": _places(requested_at, done_at),
    }


def _places(requested_at: int, done_at: int | None) -> list[dict[str, Any]]:
    times = {
        "answers": done_at,
        "topic_raw": _left(topics.RAW, requested_at),
        "topic_session_changelog": _left(topics.SESSIONS_CHANGELOG, requested_at),
        "topic_enriched": _left(topics.ENRICHED, requested_at),
        "topic_rejected": _left(topics.REJECTED, requested_at),
        "ledger": requested_at + (LEDGER_DAYS + 1) * _DAY_MS,
        "collector_spool": None,
        "subscribers": None,
        "backups": None,
    }
    return [
        {"place": place, "gone_by": None if at is None else rfc3339(at), "how": _HOW[place]}
        for place, at in times.items()
    ]


def _left(topic: topics.Topic, requested_at: int) -> int:
    return requested_at + topic.kept_ms + _BROKER_MS


_HOW: Final = {
    "answers": "deleted from the table of events; no answer shows them from then on, and no copy comes back",
    "topic_raw": "the topic's retention; nothing that stands there reaches an answer",
    "topic_session_changelog": "the topic's retention; it holds no events, but which visit a visitor was in",
    "topic_enriched": "the topic's retention; nothing that stands there reaches an answer",
    "topic_rejected": "the topic's retention, where an event was rejected; it is not written when it is replayed",
    "ledger": "the tables' own time; they hold event ids and names, no visitors and no data",
    "collector_spool": "when the collector hands it over to Kafka; from then on as the raw topic has it",
    "subscribers": "theirs to do: the request stands on eventrail.erasures.v1",
    "backups": "the operator's; a table that is restored is cleaned again when a writer starts",
}
