from query_api.queries import timeseries
from query_api.question.dimensions import DIMENSIONS
from query_api.question.given import from_query
from query_api.question.selection import Context
from query_api.question.timeseries import FIELDS, TimeseriesQuestion, ask


def asked(query: str = "") -> TimeseriesQuestion:
    days = "event_name=signup_click&start_date=2026-02-01&end_date=2026-02-03&"
    return ask(from_query((days + query).encode(), FIELDS), Context("w", 1_772_712_000_000))


FIRST, DAY_MS = 1769904000000, 86_400_000


def test_the_statement_carries_the_question() -> None:
    assert timeseries.statement(asked()).parameters == {
        "website_id": "w",
        "from_ms": FIRST,
        "until_ms": FIRST + 3 * DAY_MS,
        "event_name": "signup_click",
        "left_out": ("crawler",),
        "first_ms": FIRST,
        "step_ms": DAY_MS,
        "last_step": 2,
    }


def test_visitors_are_counted_only_on_request() -> None:
    assert "uniqExact" not in timeseries.statement(asked()).sql
    assert "uniqExact" in timeseries.statement(asked("include=visitors")).sql


def test_the_answer_is_filled_with_zeros_and_in_order() -> None:
    assert timeseries.answer(asked(), [(FIRST + 2 * DAY_MS, 28, 0), (FIRST, 23, 0)]) == {
        "series": [
            {"date": "2026-02-01", "count": 23},
            {"date": "2026-02-02", "count": 0},
            {"date": "2026-02-03", "count": 28},
        ],
        "granularity": "day",
    }
    points = timeseries.answer(asked("include=visitors"), [(FIRST, 2, 1)])["series"]
    assert points[:2] == [
        {"date": "2026-02-01", "count": 2, "visitors": 1},
        {"date": "2026-02-02", "count": 0, "visitors": 0},
    ]


def test_the_period_before() -> None:
    question = asked("include=previous")
    assert question.previous is not None
    parameters = timeseries.previous_statement(question, question.previous).parameters
    assert (parameters["from_ms"], parameters["until_ms"]) == (FIRST - 3 * DAY_MS, FIRST)
    points = timeseries.previous(question, question.previous, [(FIRST - DAY_MS, 5, 0)])
    assert points == [
        {"date": "2026-01-29", "count": 0},
        {"date": "2026-01-30", "count": 0},
        {"date": "2026-01-31", "count": 5},
    ]


def test_a_breakdown_and_its_other() -> None:
    question = asked("breakdown=country&limit=2&granularity=month")
    top = [(("DE", "string"), 5, 4), (("", ""), 3, 4)]
    rows = [(("DE", "string"), FIRST, 5, 0), (("", ""), FIRST, 3, 0), (("", "other"), FIRST, 2, 0)]
    assert timeseries.broken_down(question, top, rows) == [
        {"value": "DE", "type": "string", "count": 5, "series": [{"date": "2026-02-01", "count": 5}]},
        {"value": None, "type": None, "count": 3, "series": [{"date": "2026-02-01", "count": 3}]},
        {"value": None, "type": "other", "count": 2, "series": [{"date": "2026-02-01", "count": 2}]},
    ]
    assert len(timeseries.broken_down(question, top, rows[:2])) == 2


def test_values_of_a_breakdown_are_parameters() -> None:
    hostile = "' OR 1 --"
    question = asked("breakdown=prop.a&limit=2")
    assert timeseries.top_statement(question, DIMENSIONS["country"]).parameters["limit"] == 2
    statement = timeseries.series_statement(question, DIMENSIONS["country"], [(hostile, "string")])
    assert hostile not in statement.sql
    assert hostile in statement.parameters.values()


def test_a_range_inside_one_week_is_one_point_at_its_monday() -> None:
    assert timeseries.answer(asked("granularity=week"), [])["series"][-1] == {
        "date": "2026-02-02",
        "count": 0,
    }


def test_months_that_the_range_touches() -> None:
    question = ask(
        from_query(b"event_name=x&granularity=month&start_date=2025-12-31&end_date=2026-02-01", FIELDS),
        Context("w", 0),
    )
    dates = [point["date"] for point in timeseries.answer(question, [])["series"]]
    assert dates == ["2025-12-01", "2026-01-01", "2026-02-01"]
