"""Events per second by outcome, minute by minute: the auditor's books as rates.

A minute is told once the auditor has looked after it ended, with zeros where nothing was accepted in it. A later one
is left out: nobody has counted it yet, and a zero would say that nothing came.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from eventrail.contract.codec import rfc3339
from eventrail.contract.ledger import IN_FLIGHT, KEYS, OUTCOMES, UNACCOUNTED
from query_api.events_table import Statement
from query_api.pipeline_question import LedgerQuestion
from query_api.queries import ledger

_SECONDS: Final = 60
_STATES: Final = (IN_FLIGHT, UNACCOUNTED)
"""What is no outcome yet, so that it has no rate."""

_NONE: Final = (0,) * len(KEYS)


def statement(question: LedgerQuestion) -> Statement:
    """Rows of the ledger, in the order of time; minutes without events have none."""
    return replace(ledger.statement(question), name="rates")


def answer(question: LedgerQuestion, rows: Sequence[ledger.Row], as_of_ms: int) -> dict[str, Any]:
    """The body of the answer, in the order of time."""
    counted = {row[0]: row[1:] for row in rows}
    end = min(question.end, as_of_ms // 1000 // _SECONDS * _SECONDS)
    return {
        "data": {
            "as_of": rfc3339(as_of_ms) if as_of_ms else None,
            "minutes": [
                {"minute": rfc3339(minute * 1000), **_rates(counted.get(minute, _NONE))}
                for minute in range(question.first, end, _SECONDS)
            ],
        }
    }


def _rates(counts: Sequence[int]) -> dict[str, dict[str, float]]:
    by_key = dict(zip(KEYS, counts, strict=True))
    return {
        stage: {name: round(by_key[stage, name] / _SECONDS, 3) for name in names if name not in _STATES}
        for stage, names in OUTCOMES.items()
    }
