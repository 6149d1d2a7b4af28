from datetime import date

from query_api.granularity import DAY
from query_api.queries import timeseries
from query_api.question import TimeseriesQuestion, ask_timeseries


def ask(query: bytes) -> TimeseriesQuestion:
    return ask_timeseries("w", b"event_name=signup_click&" + query, date(2026, 3, 5), 1000)


THREE_DAYS = ask(b"start_date=2026-02-01&end_date=2026-02-03")


def test_the_statement_carries_the_question() -> None:
    assert timeseries.statement(THREE_DAYS).parameters == {
        "website_id": "w",
        "from_ms": 1769904000000,
        "until_ms": 1770163200000,
        "event_name": "signup_click",
        "left_out": ("crawler",),
    }
    assert DAY.sql in timeseries.statement(THREE_DAYS).sql


def test_the_answer_is_filled_with_zeros_and_in_order() -> None:
    first = DAY.first(date(2026, 2, 1))
    assert timeseries.answer(THREE_DAYS, [(first + 2, 28), (first, 23)]) == {
        "data": {
            "series": [
                {"date": "2026-02-01", "count": 23},
                {"date": "2026-02-02", "count": 0},
                {"date": "2026-02-03", "count": 28},
            ],
            "granularity": "day",
        }
    }


def test_a_range_inside_one_week_is_one_point_at_its_monday() -> None:
    question = ask(b"granularity=week&start_date=2026-02-03&end_date=2026-02-05")
    assert timeseries.answer(question, [])["data"]["series"] == [{"date": "2026-02-02", "count": 0}]


def test_months_that_the_range_touches() -> None:
    question = ask(b"granularity=month&start_date=2025-12-31&end_date=2026-02-01")
    dates = [point["date"] for point in timeseries.answer(question, [])["data"]["series"]]
    assert dates == ["2025-12-01", "2026-01-01", "2026-02-01"]
