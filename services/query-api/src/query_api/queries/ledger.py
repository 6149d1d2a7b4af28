"""What became of accepted events, minute by minute: the auditor's books as they stand."""

from collections.abc import Sequence
from typing import Any

from eventrail.contract.codec import rfc3339
from eventrail.contract.ledger import ENRICHER, IN_FLIGHT, KEYS, OUTCOMES, UNACCOUNTED, WRITER, Key
from query_api.events_table import Statement
from query_api.pipeline_question import LedgerQuestion

_COLUMNS = ",\n    ".join(
    f"sumIf(events, stage = '{stage}' AND outcome = '{outcome}')" for stage, outcome in KEYS
)
_SQL = f"""
SELECT
    toInt64(toUnixTimestamp(minute)),
    {_COLUMNS}
FROM ledger_minutes FINAL
WHERE minute >= fromUnixTimestamp(%(first)s) AND minute < fromUnixTimestamp(%(end)s)
GROUP BY minute
HAVING sum(events) > 0
ORDER BY minute"""  # noqa: S608 - our own words

AS_OF = Statement(
    "ledger_as_of", "SELECT toUnixTimestamp64Milli(max(updated_at)) FROM ledger_logs", {}, {"max_threads": 2}
)
"""Answers one row: when the auditor ended its last pass, in Unix milliseconds; 0 where it never did."""

Row = tuple[int, ...]
"""The minute in Unix seconds, then the events for each of KEYS."""


def statement(question: LedgerQuestion) -> Statement:
    """Rows in the order of time; minutes without events have none."""
    return Statement("ledger", _SQL, {"first": question.first, "end": question.end}, {"max_threads": 2})


def answer(rows: Sequence[Row], as_of_ms: int) -> dict[str, Any]:
    """The body of the answer."""
    totals = dict(
        zip(KEYS, (sum(column) for column in zip(*(row[1:] for row in rows), strict=True)), strict=False)
    )
    totals = dict.fromkeys(KEYS, 0) | totals
    return {
        "data": {
            "as_of": rfc3339(as_of_ms) if as_of_ms else None,
            "unaccounted": totals[WRITER, UNACCOUNTED],
            "in_flight": totals[ENRICHER, IN_FLIGHT] + totals[WRITER, IN_FLIGHT],
            "totals": _by_stage(totals),
            "minutes": [
                {"minute": rfc3339(row[0] * 1000), **_by_stage(dict(zip(KEYS, row[1:], strict=True)))}
                for row in rows
            ],
        }
    }


def _by_stage(counts: dict[Key, int]) -> dict[str, dict[str, int]]:
    return {
        stage: {outcome: counts[stage, outcome] for outcome in outcomes}
        for stage, outcomes in OUTCOMES.items()
    }
