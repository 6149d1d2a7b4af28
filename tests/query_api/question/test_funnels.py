from typing import Any

import pytest

from query_api.errors import Invalid
from query_api.question.dimensions import DIMENSIONS
from query_api.question.following import By
from query_api.question.funnels import FunnelQuestion, Order, ask
from query_api.question.happenings import Happening, Kind
from query_api.question.selection import Context

CONTEXT = Context("w", 1_772_668_800_000)
STEPS = [{"page": "/cart"}, {"event_name": "purchase"}]


def question(**members: Any) -> FunnelQuestion:
    return ask({"steps": STEPS, **members}, CONTEXT)[0]


def test_what_is_not_said_has_a_default() -> None:
    found = question()
    assert found.steps == (Happening(Kind.PAGE, "/cart"), Happening(Kind.EVENT, "purchase"))
    assert (found.window_seconds, found.by, found.order) == (86_400, By.VISITOR, Order.ORDERED)
    assert (found.breakdown, found.limit) == (None, 10)
    assert found.selection.event_type is None


def test_what_is_said() -> None:
    found = question(window_seconds=60, by="session", order="strict", breakdown="country", limit=3)
    assert (found.window_seconds, found.by, found.order) == (60, By.SESSION, Order.STRICT)
    assert (found.breakdown, found.limit) == (DIMENSIONS["country"], 3)


@pytest.mark.parametrize(
    ("seconds", "by", "clients_only"),
    [(86_400, "visitor", False), (86_401, "visitor", True), (7_776_000, "session", False)],
)
def test_only_ids_of_clients_are_followed_for_longer_than_a_day(
    seconds: int, by: str, clients_only: bool
) -> None:
    assert question(window_seconds=seconds, by=by).clients_only is clients_only


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"steps": None}, "steps"),
        ({"steps": STEPS[:1]}, "steps"),
        ({"steps": STEPS * 5}, "steps"),
        ({"steps": [*STEPS, {"event_name": ""}]}, "steps[2].event_name"),
        ({"window_seconds": 0}, "window_seconds"),
        ({"window_seconds": 7_776_001}, "window_seconds"),
        ({"by": "people"}, "by"),
        ({"order": "any"}, "order"),
        ({"breakdown": "colour"}, "breakdown"),
        ({"limit": 51}, "limit"),
        ({"window": 5}, "window"),
        ({"timezone": "Mars"}, "timezone"),
        ({"steps": [{**STEPS[0], "filters": [{"field": "city", "operator": "set"}] * 26}] * 2}, "filters"),
    ],
)
def test_what_is_wrong_names_its_place(members: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        question(**members)
    assert caught.value.field == field
