"""What an answer says about itself, in `meta`. Pure."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from query_api.engine import Answer
from query_api.question.period import Period, instant_text
from query_api.question.selection import Selection

_UTC = ZoneInfo("UTC")
_DAY_MS = 86_400_000

HASHED_VISITORS = "sum_of_days"
"""A hashed visitor id changes each day, so over several days visitors of hashed ids are a sum of days."""


@dataclass
class Cost:
    """What the statements behind one answer have cost so far."""

    rows_read: int = 0
    bytes_read: int = 0
    seconds: float = 0.0

    def add(self, answer: Answer) -> None:
        """Count one statement."""
        self.rows_read += answer.rows_read
        self.bytes_read += answer.bytes_read
        self.seconds += answer.seconds

    def told(self) -> dict[str, int]:
        """Rows and bytes that ClickHouse read, and the milliseconds that it took."""
        return {
            "rows_read": self.rows_read,
            "bytes_read": self.bytes_read,
            "milliseconds": round(self.seconds * 1000),
        }


def about(
    selection: Selection, cost: Cost, data_through_ms: int | None, *, visitors: bool = False
) -> dict[str, Any]:
    """`meta` of every answer about events.

    `data_through`: each event whose 202 left before it is stored, rejected or a copy; null while that is not known.
    `exact` is always true: nothing here is a sample or an estimate.
    """
    period = selection.period
    told: dict[str, Any] = {
        "data_through": None if data_through_ms is None else instant_text(data_through_ms, _UTC),
        "exact": True,
        "period": period.told(),
        **cost.told(),
    }
    if period.kept_ms > period.from_ms:
        told["kept_from"] = instant_text(period.kept_ms, period.zone)
    if visitors and _several_days(period):
        told["visitors"] = {"hashed": HASHED_VISITORS}
    return told


def _several_days(period: Period) -> bool:
    # Of UTC: that is where salts change.
    return (period.until_ms - 1) // _DAY_MS != period.from_ms // _DAY_MS
