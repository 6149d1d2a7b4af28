from typing import Any

import pytest

from query_api.errors import Invalid
from query_api.question.happenings import Happening, Kind
from query_api.question.retention import RetentionQuestion, ask
from query_api.question.selection import Context, Limits

CONTEXT = Context("w", 1_772_668_800_000)
START = {"event_name": "signup"}


def question(context: Context = CONTEXT, *, returning: Any = None, **members: Any) -> RetentionQuestion:
    returns = {} if returning is None else {"return": returning}
    return ask({"start": START, **returns, **members}, context)[0]


def test_what_is_not_said_has_a_default() -> None:
    found = question()
    assert found.start == Happening(Kind.EVENT, "signup")
    assert found.returns is None
    assert (found.buckets.granularity, len(found.buckets.starts), found.periods) == ("day", 30, 7)


def test_what_is_said() -> None:
    found = question(
        returning={"page": "/app/*"},
        granularity="week",
        week_start="sunday",
        periods=31,
        start_date="2026-02-04",
        end_date="2026-02-18",
    )
    assert found.returns == Happening(Kind.PAGE, "/app/*")
    assert found.buckets.labels == ("2026-02-01", "2026-02-08", "2026-02-15")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"start": {}}, "start"),
        ({"return": None}, "return"),
        ({"return": {"event_name": ""}}, "return.event_name"),
        ({"granularity": "hour"}, "granularity"),
        ({"week_start": "friday"}, "week_start"),
        ({"periods": 0}, "periods"),
        ({"periods": 32}, "periods"),
        ({"anchor": START}, "anchor"),
    ],
)
def test_what_is_wrong_names_its_place(members: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        question(**members)
    assert caught.value.field == field


def test_the_answer_has_so_many_numbers_at_most() -> None:
    few = Context("w", CONTEXT.now_ms, limits=Limits(cells=100))
    assert len(question(few, periods=1, start_date="2026-01-15").buckets.starts) == 50
    with pytest.raises(Invalid, match="at most 50 are answered; use granularity week"):
        question(few, periods=1, start_date="2026-01-14")
