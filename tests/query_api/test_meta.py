from zoneinfo import ZoneInfo

import pytest

from query_api.engine import Answer
from query_api.meta import Cost, about
from query_api.question.period import period
from query_api.question.selection import Selection

NOW_MS = 1_772_712_000_000


def selection(start: str, end: str, zone: str = "UTC", kept: int | None = None) -> Selection:
    return Selection("w", period(start, end, ZoneInfo(zone), NOW_MS, kept))


def test_the_cost_of_several_statements() -> None:
    cost = Cost()
    for seconds in (0.0104, 0.0203):
        cost.add(Answer([], 5, seconds, 7))
    assert cost.told() == {"rows_read": 10, "bytes_read": 14, "milliseconds": 31}


def test_what_every_answer_says() -> None:
    assert about(selection("2026-02-01", "2026-02-01", "Asia/Kolkata"), Cost(), NOW_MS + 7) == {
        "data_through": "2026-03-05T12:00:00.007Z",
        "exact": True,
        "period": {
            "start": "2026-02-01T00:00:00+05:30",
            "end": "2026-02-02T00:00:00+05:30",
            "timezone": "Asia/Kolkata",
        },
        "rows_read": 0,
        "bytes_read": 0,
        "milliseconds": 0,
    }


def test_data_through_may_be_unknown() -> None:
    assert about(selection("2026-02-01", "2026-02-01"), Cost(), None)["data_through"] is None


def test_what_is_no_longer_kept() -> None:
    asked = selection("2026-02-01", "2026-03-01", kept=10)
    assert about(asked, Cost(), None)["kept_from"] == "2026-02-23T00:00:00Z"
    assert "kept_from" not in about(selection("2026-03-01", "2026-03-01", kept=10), Cost(), None)


@pytest.mark.parametrize(
    ("start", "end", "zone", "several"),
    [
        ("2026-02-01", "2026-02-01", "UTC", False),
        ("2026-02-01", "2026-02-02", "UTC", True),
        ("2026-02-01", "2026-02-01", "Asia/Kolkata", True),
        ("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", "UTC", False),
        ("2026-02-01T23:00:00Z", "2026-02-02T00:00:00.001Z", "UTC", True),
    ],
)
def test_visitors_of_several_days_are_a_sum(start: str, end: str, zone: str, several: bool) -> None:
    told = about(selection(start, end, zone), Cost(), None, visitors=True)
    assert told.get("visitors") == ({"hashed": "sum_of_days"} if several else None)
    assert "visitors" not in about(selection(start, end, zone), Cost(), None)
