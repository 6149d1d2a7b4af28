"""Which custom events a website had (spec "List Event Names")."""

from dataclasses import dataclass
from typing import Final

from query_api.question.fields import COMMON_FIELDS, WAITING_FIELDS, count, included, search, selection
from query_api.question.given import Given
from query_api.question.selection import Context, Selection

FIELDS: Final = (*COMMON_FIELDS, "search", "limit", "offset", "include", *WAITING_FIELDS)
INCLUDES: Final = ("visitors", "previous")
MAX_OFFSET: Final = 1_000_000


@dataclass(frozen=True)
class EventsQuestion:
    """Names with their counts, `limit` of them after the first `offset`; only those that hold `search`."""

    selection: Selection
    search: str
    limit: int
    offset: int
    include: frozenset[str]


def ask(given: Given, context: Context) -> EventsQuestion:
    """The question. Raises Invalid."""
    most = context.limits.event_names
    return EventsQuestion(
        selection(given, context),
        search(given),
        count(given, "limit", most, most),
        count(given, "offset", 0, MAX_OFFSET, least=0),
        included(given, INCLUDES),
    )
