from typing import Any

import pytest

from query_api.errors import Invalid
from query_api.question.following import By
from query_api.question.happenings import Happening, Kind
from query_api.question.journeys import Direction, JourneyQuestion, ask
from query_api.question.selection import Context

CONTEXT = Context("w", 1_772_668_800_000)
ANCHOR = {"event_name": "add_to_cart"}


def question(**members: Any) -> JourneyQuestion:
    return ask({"anchor": ANCHOR, **members}, CONTEXT)[0]


def test_what_is_not_said_has_a_default() -> None:
    found = question()
    assert found.anchor == Happening(Kind.EVENT, "add_to_cart")
    assert (found.direction, found.depth, found.by) == (Direction.AFTER, 4, By.SESSION)
    assert (found.limit, found.collapse_repeats, found.clients_only) == (10, True, False)


def test_what_is_said() -> None:
    found = question(direction="before", depth=8, by="visitor", limit=50, collapse_repeats=False)
    assert (found.direction, found.depth, found.by) == (Direction.BEFORE, 8, By.VISITOR)
    assert (found.limit, found.collapse_repeats, found.clients_only) == (50, False, True)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"anchor": None}, "anchor"),
        ({"anchor": {"page": "cart"}}, "anchor.page"),
        ({"direction": "up"}, "direction"),
        ({"depth": 9}, "depth"),
        ({"depth": 0}, "depth"),
        ({"by": "user"}, "by"),
        ({"limit": 51}, "limit"),
        ({"collapse_repeats": "yes"}, "collapse_repeats"),
        ({"steps": []}, "steps"),
        ({"end_date": "2026-02-30"}, "end_date"),
    ],
)
def test_what_is_wrong_names_its_place(members: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        question(**members)
    assert caught.value.field == field
