import pytest

from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import Property
from query_api.question.given import from_query
from query_api.question.selection import Context, Limits
from query_api.question.timeseries import FIELDS, TimeseriesQuestion, ask
from tests.query_api.refused import refused

CONTEXT = Context("w", 1_772_712_000_000, limits=Limits(points=1_000))


def asked(query: str) -> TimeseriesQuestion:
    return ask(from_query(f"event_name=x&{query}".encode(), FIELDS), CONTEXT)


def test_the_default_is_a_point_per_day() -> None:
    question = asked("")
    assert question.buckets.granularity == "day"
    assert len(question.buckets.starts) == 30
    assert (question.previous, question.visitors, question.breakdown, question.limit) == (
        None,
        False,
        None,
        10,
    )


def test_the_period_before_has_its_own_steps() -> None:
    question = asked("include=previous&start_date=2026-03-01&end_date=2026-03-05&granularity=auto")
    assert question.previous is not None
    assert question.previous.granularity == question.buckets.granularity == "day"
    assert question.previous.labels[0] == "2026-02-24"
    assert question.previous.labels[-1] == "2026-02-28"


def test_the_period_before_may_touch_one_step_more() -> None:
    question = ask(
        from_query(
            b"event_name=x&include=previous&granularity=month&start_date=2026-02-01&end_date=2026-02-28",
            FIELDS,
        ),
        Context("w", 0, limits=Limits(points=1)),
    )
    assert question.previous is not None
    assert question.previous.labels == ("2026-01-01",)


@pytest.mark.parametrize(
    ("text", "field"),
    [("country", DIMENSIONS["country"]), ("prop.plan", Property("plan")), ("prop.", Property(""))],
)
def test_a_breakdown(text: str, field: object) -> None:
    assert asked(f"breakdown={text}&limit=3").breakdown == field


def test_refusals() -> None:
    assert refused(asked, "breakdown=plan")[1] == "breakdown"
    assert refused(asked, "breakdown=country&breakdown=city")[1] == "breakdown"
    assert refused(asked, "limit=51")[1] == "limit"
    assert refused(asked, "granularity=hour&start_date=2026-01-01&end_date=2026-03-31")[1] == "granularity"
