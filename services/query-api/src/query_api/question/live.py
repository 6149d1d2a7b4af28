"""Which events of a website a client wants to see as they are written."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from query_api.errors import Invalid, shown
from query_api.question.fields import period_of, require_name, yes_or_no
from query_api.question.filters import Condition
from query_api.question.given import Given
from query_api.question.selection import BotKinds, Context, EventType

FIELDS: Final = ("event_name", "event_type", "include_bots")
ANY_TYPE: Final = "any"
EVENT_TYPES: Final = (*EventType, ANY_TYPE)


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
    name = given.one("event_name")
    return LiveQuestion(
        context.website_id,
        _event_type(given.one("event_type")),
        None if name is None else require_name(name),
        () if yes_or_no(given, "include_bots") else context.left_out,
        period_of(Given(), context).kept_ms,
        given.conditions,
    )


def _event_type(text: str | None) -> EventType | None:
    if text is None:
        return EventType.CUSTOM
    if text not in EVENT_TYPES:
        near = get_close_matches(text, EVENT_TYPES, n=1)
        offer = f"; do you mean {near[0]}?" if near else ""
        raise Invalid(f"event_type must be {', '.join(EVENT_TYPES)}, not {shown(text)}{offer}", "event_type")
    return None if text == ANY_TYPE else EventType(text)
