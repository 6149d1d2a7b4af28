from query_api.question.given import from_query
from query_api.question.properties import FIELDS, PropertiesQuestion, ask
from query_api.question.selection import Context, Limits
from tests.query_api.refused import refused

CONTEXT = Context("w", 1_772_712_000_000, limits=Limits(property_keys=7, property_values=5))


def asked(query: bytes) -> PropertiesQuestion:
    return ask(from_query(query, FIELDS), CONTEXT)


def test_the_defaults() -> None:
    question = asked(b"event_name=x")
    assert (question.selection.event_name, question.search, question.limit, question.values) == (
        "x",
        "",
        7,
        5,
    )


def test_limits() -> None:
    assert asked(b"event_name=x&limit=1&values=2").values == 2
    assert refused(asked, b"event_name=x&limit=8")[1] == "limit"
    assert refused(asked, b"event_name=x&values=6")[1] == "values"
    assert refused(asked, b"event_name=x&include=visitors")[1] == "include"


def test_the_name_is_said_to_be_missing_before_all_else() -> None:
    assert refused(asked, b"limit=8") == ("event_name query parameter is required", "event_name")
