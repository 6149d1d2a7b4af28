"""What happened before or after something: `POST .../journeys`. What exactly is counted: queries/journeys.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from query_api.question.fields import COMMON_FIELDS, WAITING_FIELDS, choice, count, selection, yes_or_no
from query_api.question.following import By
from query_api.question.given import Given, from_document
from query_api.question.happenings import Happening, happening, require_few_filters
from query_api.question.selection import Context, Selection

SHARED_FIELDS: Final = (*COMMON_FIELDS, *WAITING_FIELDS)
FIELDS: Final = (*SHARED_FIELDS, "direction", "depth", "by", "limit", "collapse_repeats")
OWN: Final = ("anchor",)

DEFAULT_DEPTH: Final = 4
MAX_DEPTH: Final = 8
DEFAULT_BRANCHES: Final = 10
MAX_BRANCHES: Final = 50


class Direction(StrEnum):
    """On which side of the anchor."""

    AFTER = "after"
    BEFORE = "before"


@dataclass(frozen=True)
class JourneyQuestion:
    """Up to `depth` nodes on one side of the first `anchor` of each session or visitor, `limit` branches at each."""

    selection: Selection
    anchor: Happening
    direction: Direction
    depth: int
    by: By
    limit: int
    collapse_repeats: bool

    @property
    def clients_only(self) -> bool:
        """Whether only visitor ids that clients sent are followed, because hashed ones change each day."""
        return self.by is By.VISITOR


def ask(document: Mapping[str, Any], context: Context) -> tuple[JourneyQuestion, Given]:
    """The question of a JSON body. Raises Invalid."""
    given = from_document(document, FIELDS, OWN)
    chosen = selection(given, context, event_type=None)
    anchor = happening(document.get("anchor"), "anchor")
    require_few_filters(chosen, [anchor])
    question = JourneyQuestion(
        chosen,
        anchor,
        Direction(choice(given, "direction", tuple(Direction))),
        count(given, "depth", DEFAULT_DEPTH, MAX_DEPTH),
        By(choice(given, "by", (By.SESSION, By.VISITOR))),
        count(given, "limit", DEFAULT_BRANCHES, MAX_BRANCHES),
        given.one("collapse_repeats") is None or yes_or_no(given, "collapse_repeats"),
    )
    return question, given
