from typing import Any

import pytest

from query_api.errors import Invalid
from query_api.question.filters import Condition, Operator, Property
from query_api.question.happenings import Happening, Kind, happening, names_of


def test_an_event_by_its_trimmed_name() -> None:
    assert happening({"event_name": " purchase "}, "steps[0]") == Happening(Kind.EVENT, "purchase")


def test_a_page_by_its_path() -> None:
    assert happening({"page": "/cart"}, "steps[0]") == Happening(Kind.PAGE, "/cart")
    assert happening({"page": "/cart"}, "steps[0]").begins is None


@pytest.mark.parametrize(("page", "begins"), [("/products/*", "/products/"), ("/*", "/"), ("/a**", "/a*")])
def test_a_star_at_the_end_means_all_below(page: str, begins: str) -> None:
    assert happening({"page": page}, "anchor").begins == begins


def test_an_event_may_end_with_a_star() -> None:
    assert happening({"event_name": "a*"}, "anchor").begins is None


def test_filters_of_its_own() -> None:
    found = happening({"event_name": "a", "filters": [{"field": "prop.plan", "values": ["pro"]}]}, "x")
    assert found.conditions == (Condition(Property("plan"), Operator.IS, ("pro",)),)


def test_names_under_which_the_table_has_them() -> None:
    found = [Happening(Kind.PAGE, "/a"), Happening(Kind.EVENT, "b"), Happening(Kind.PAGE, "/c")]
    assert names_of(found) == ("", "b")


@pytest.mark.parametrize(
    ("item", "field", "message"),
    [
        ("purchase", "steps[1]", "must be an object such as"),
        ({}, "steps[1]", "needs either event_name or page"),
        ({"event_name": "a", "page": "/a"}, "steps[1]", "needs either event_name or page"),
        ({"event": "a"}, "steps[1].event", "do you mean event_name?"),
        ({"event_name": " "}, "steps[1].event_name", "must not be empty"),
        ({"event_name": "x" * 256}, "steps[1].event_name", "255 characters or fewer"),
        ({"event_name": 5}, "steps[1].event_name", "must be a text"),
        ({"page": "cart"}, "steps[1].page", "must be a path such as /cart"),
        ({"page": None}, "steps[1].page", "not NoneType"),
        ({"page": "/" + "x" * 4096}, "steps[1].page", "4,096 characters"),
        ({"page": "/a", "filters": {}}, "steps[1].filters", "must be a list"),
        (
            {"page": "/a", "filters": [{"field": "contry"}]},
            "steps[1].filters[0].field",
            "do you mean country?",
        ),
    ],
)
def test_what_is_wrong_names_its_place(item: Any, field: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        happening(item, "steps[1]")
    assert caught.value.field == field
    assert message in caught.value.message
    assert caught.value.message.startswith("steps[1]") or field.endswith("event_name")
