"""Which events of a website a client wants to see as they are written."""

from dataclasses import dataclass
from typing import Final

from query_api.errors import Invalid, shown
from query_api.question.fields import period_of, require_name, yes_or_no
from query_api.question.filters import Condition
from query_api.question.given import Given, nearest
from query_api.question.selection import BotKinds, Context, EventType

FIELDS: Final = ("event_name", "event_type", "include_bots")
ALL_TYPES: Final = "all"


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
    name, event_type = given.one("event_name"), _event_type(given.one("event_type"))
    if name is not None and event_type is EventType.PAGEVIEW:
        raise Invalid("event_name is of custom events; leave event_type out, or event_name", "event_name")
    return LiveQuestion(
        context.website_id,
        event_type if name is None else EventType.CUSTOM,
        None if name is None else require_name(name),
        () if yes_or_no(given, "include_bots") else context.left_out,
        period_of(Given(), context).kept_ms,
        given.conditions,
    )


def _event_type(text: str | None) -> EventType | None:
    known = (*EventType, ALL_TYPES)
    if text is None or text == ALL_TYPES:
        return None
    if text not in known:
        raise Invalid(
            f"event_type must be {', '.join(known)}, not {shown(text)}{nearest(text, known)}", "event_type"
        )
    return EventType(text)
