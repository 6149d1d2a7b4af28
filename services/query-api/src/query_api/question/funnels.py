"""How many get from step to step: `POST .../funnels`. Saved nowhere; what exactly is counted: queries/funnels.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from query_api.errors import Invalid
from query_api.question.fields import COMMON_FIELDS, WAITING_FIELDS, choice, count, selection
from query_api.question.filters import Field, require_field
from query_api.question.following import DAY_SECONDS, MAX_WINDOW_SECONDS, By
from query_api.question.given import Given, from_document
from query_api.question.happenings import Happening, happening, require_few_filters
from query_api.question.selection import Context, Selection

SHARED_FIELDS: Final = (*COMMON_FIELDS, *WAITING_FIELDS)
FIELDS: Final = (*SHARED_FIELDS, "window_seconds", "by", "order", "breakdown", "limit")
OWN: Final = ("steps",)

MIN_STEPS: Final = 2
MAX_STEPS: Final = 8
DEFAULT_VALUES: Final = 10
MAX_VALUES: Final = 50


class Order(StrEnum):
    """What may lie between two steps: other events, or no event of any step."""

    ORDERED = "ordered"
    STRICT = "strict"


@dataclass(frozen=True)
class FunnelQuestion:
    """2 to 8 `steps`, the last one at most `window_seconds` after the first.

    With `breakdown` also for each of the `limit` values that most begin with, and for all others together.
    """

    selection: Selection
    steps: tuple[Happening, ...]
    window_seconds: int
    by: By
    order: Order
    breakdown: Field | None
    limit: int

    @property
    def clients_only(self) -> bool:
        """Whether only visitor ids that clients sent are followed, because hashed ones change within the window."""
        return self.by is By.VISITOR and self.window_seconds > DAY_SECONDS


def ask(document: Mapping[str, Any], context: Context) -> tuple[FunnelQuestion, Given]:
    """The question of a JSON body. Raises Invalid."""
    given = from_document(document, FIELDS, OWN)
    chosen = selection(given, context, event_type=None)
    steps = _steps(document.get("steps"))
    require_few_filters(chosen, steps)
    breakdown = given.one("breakdown")
    question = FunnelQuestion(
        chosen,
        steps,
        count(given, "window_seconds", DAY_SECONDS, MAX_WINDOW_SECONDS),
        By(choice(given, "by", (By.VISITOR, By.SESSION))),
        Order(choice(given, "order", tuple(Order))),
        None if breakdown is None else require_field(breakdown, "breakdown"),
        count(given, "limit", DEFAULT_VALUES, MAX_VALUES),
    )
    return question, given


def _steps(given: Any) -> tuple[Happening, ...]:
    if not isinstance(given, list) or not MIN_STEPS <= len(given) <= MAX_STEPS:
        raise Invalid(
            f'steps must be a list of {MIN_STEPS} to {MAX_STEPS}, such as [{{"page": "/cart"}}, '
            '{"event_name": "purchase"}]',
            "steps",
        )
    return tuple(happening(item, f"steps[{index}]") for index, item in enumerate(given))
