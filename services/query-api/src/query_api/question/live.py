"""Which events of a website a client wants to see as they are written."""

from dataclasses import dataclass
from typing import Final

from query_api.question.fields import kind_and_name, period_of, yes_or_no
from query_api.question.filters import Condition
from query_api.question.given import Given
from query_api.question.selection import BotKinds, Context, EventType

FIELDS: Final = ("event_name", "event_type", "include_bots")


@dataclass(frozen=True)
class LiveQuestion:
    """Events that fit all `conditions`, without the bots in `left_out` and without those from before `kept_ms`.

    `event_type` None means custom events and page views, `event_name` None every name.
    """

    website_id: str
    event_type: EventType | None
    event_name: str | None
    left_out: BotKinds
    kept_ms: int
    conditions: tuple[Condition, ...]


def ask(given: Given, context: Context) -> LiveQuestion:
    """The question. Raises Invalid."""
    event_type, name = kind_and_name(given, None)
    return LiveQuestion(
        context.website_id,
        event_type,
        name,
        () if yes_or_no(given, "include_bots") else context.left_out,
        period_of(Given(), context).kept_ms,
        given.conditions,
    )
