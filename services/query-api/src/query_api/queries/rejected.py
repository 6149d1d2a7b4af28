"""How many events were rejected, by stage, reason and website: the auditor's entries as they stand."""

from collections.abc import Sequence
from typing import Any

from eventrail.contract.codec import rfc3339
from query_api.events_table import Statement
from query_api.pipeline_question import LedgerQuestion

_SQL = """
SELECT
    toString(stage) AS stage_name,
    reason,
    website_id,
    count() AS events,
    toInt64(toUnixTimestamp(max(minute))) AS latest,
    sum(count()) OVER () AS total,
    count() OVER () AS kinds
FROM ledger_rejected FINAL
WHERE minute >= fromUnixTimestamp(%(first)s) AND minute < fromUnixTimestamp(%(end)s)
GROUP BY stage, reason, website_id
ORDER BY events DESC, stage_name, reason, website_id
LIMIT %(most)s"""

Row = tuple[str, str, str, int, int, int, int]
"""Stage, reason, website (empty where none could be read), events, last minute (Unix seconds); then of all kinds:
events, and how many kinds there are."""


def statement(question: LedgerQuestion, most: int) -> Statement:
    """Rows of the `most` most frequent kinds: count descending, then stage, reason and website."""
    parameters = {"first": question.first, "end": question.end, "most": most}
    return Statement("rejected", _SQL, parameters, {"max_threads": 2})


def answer(rows: Sequence[Row], as_of_ms: int) -> dict[str, Any]:
    """The body of the answer; `meta` tells how many kinds were left out, where some were."""
    total, kinds = rows[0][5:] if rows else (0, 0)
    body: dict[str, Any] = {
        "data": {
            "as_of": rfc3339(as_of_ms) if as_of_ms else None,
            "rejected": total,
            "kinds": [_kind(row) for row in rows],
        }
    }
    if kinds > len(rows):
        body["meta"] = {"truncated": True, "kinds_left_out": kinds - len(rows)}
    return body


def _kind(row: Row) -> dict[str, Any]:
    stage, reason, website_id, events, latest = row[:5]
    return {
        "stage": stage,
        "reason": reason,
        "website_id": website_id,
        "rejected": events,
        "latest": rfc3339(latest * 1000),
    }
