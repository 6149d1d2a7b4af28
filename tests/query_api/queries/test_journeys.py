from typing import Any

from query_api.queries import journeys
from query_api.queries.journeys import MAX_NODES
from query_api.question.journeys import JourneyQuestion, ask
from query_api.question.selection import Context


def question(**members: Any) -> JourneyQuestion:
    asked = {"anchor": {"page": "/cart"}, **members}
    return ask(asked, Context("w", 1_772_668_800_000))[0]


def test_values_go_in_as_parameters() -> None:
    statement = journeys.statement(question(depth=3, limit=7))
    assert (statement.parameters["depth"], statement.parameters["limit"]) == (3, 7)
    assert "/cart" in statement.parameters.values()
    assert "/cart" not in statement.sql
    assert "visitor_source" not in statement.sql
    assert "visitor_source = 'client'" in journeys.statement(question(by="visitor")).sql


def test_a_tree_in_which_all_adds_up() -> None:
    rows = [((), 10, 2), (("e1",), 5, 1), (("p/",), 2, 2), (("e1", "p/x"), 3, 1)]
    data, told = journeys.answer(question(), rows)
    assert told == {"truncated": False}
    assert data == {
        "type": "page",
        "name": "/cart",
        "count": 10,
        "rest": 1,
        "ended": 2,
        "children": [
            {
                "type": "event",
                "name": "1",
                "count": 5,
                "rest": 1,
                "ended": 1,
                "children": [
                    {"type": "page", "name": "/x", "count": 3, "rest": 2, "ended": 1, "children": []}
                ],
            },
            {"type": "page", "name": "/", "count": 2, "rest": 0, "ended": 2, "children": []},
        ],
    }


def test_what_hangs_on_a_node_that_is_in_the_rest_is_in_the_rest_too() -> None:
    data, _ = journeys.answer(question(), [((), 10, 0), (("e1",), 6, 6), (("e2", "e3"), 4, 4)])
    assert (data["rest"], len(data["children"])) == (4, 1)


def test_nobody_was_there() -> None:
    data, _ = journeys.answer(question(), [])
    assert (data["count"], data["children"], data["rest"], data["ended"]) == (0, [], 0, 0)


def test_the_rarest_of_too_many_nodes_are_in_the_rest() -> None:
    rows = [((), MAX_NODES + 1, 0), *(((f"e{number}",), 1, 1) for number in range(MAX_NODES + 1))]
    data, told = journeys.answer(question(), rows)
    assert told == {"truncated": True}
    assert (len(data["children"]), data["rest"]) == (MAX_NODES, 1)
    assert journeys.answer(question(), rows[:-1])[1] == {"truncated": False}
