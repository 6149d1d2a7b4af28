from query_api.question.events import FIELDS, EventsQuestion, ask
from query_api.question.given import from_query
from query_api.question.selection import Context, Limits
from tests.query_api.refused import refused

CONTEXT = Context("w", 1_772_712_000_000, limits=Limits(event_names=9))


def asked(query: bytes) -> EventsQuestion:
    return ask(from_query(query, FIELDS), CONTEXT)


def test_the_defaults() -> None:
    question = asked(b"")
    assert (question.search, question.limit, question.offset, question.include) == ("", 9, 0, frozenset())


def test_all_that_can_be_said() -> None:
    question = asked(
        b"search=a&limit=3&offset=1000000&include=visitors,previous&country=DE&timezone=Asia/Kolkata"
    )
    assert (question.search, question.limit, question.offset) == ("a", 3, 1_000_000)
    assert question.include == {"visitors", "previous"}
    assert len(question.selection.conditions) == 1


def test_limits() -> None:
    assert refused(asked, b"limit=10") == ("limit must be a whole number from 1 to 9, not '10'", "limit")
    assert refused(asked, b"offset=1000001")[1] == "offset"
    assert len(asked(b"event_name=x").selection.conditions) == 1  # here it is a dimension like others
