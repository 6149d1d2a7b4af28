"""Fields that several endpoints have: how each is read, and what is said where it is wrong.

Source of the messages about event_name: spec section "Event Name Validation", word for word.
"""

from collections.abc import Sequence
from typing import Final

from eventrail.contract.names import EVENT_NAME_MAX_CHARACTERS, trim
from query_api.errors import Invalid, shown
from query_api.question.given import Given, nearest
from query_api.question.period import Period, period, zone_of
from query_api.question.selection import Context, EventType, Selection

PERIOD_FIELDS: Final = ("start_date", "end_date", "timezone")
COMMON_FIELDS: Final = (*PERIOD_FIELDS, "include_bots")
"""What every question about the events of a website may say, beside filters."""

WAITING_FIELDS: Final = ("token", "wait")
"""Reading one's own writes; read by `routes/waiting.py`."""

ANY: Final = "any"
"""Of `event_type`: custom events and page views."""

MAX_SEARCH_CHARACTERS: Final = 255
_YES_OR_NO: Final = {"true": True, "false": False}


def selection(given: Given, context: Context, event_type: EventType | None = EventType.CUSTOM) -> Selection:
    """The events that `given` is about: its period, its filters, its bots. Raises Invalid."""
    return Selection(
        context.website_id,
        period_of(given, context),
        () if yes_or_no(given, "include_bots") else context.left_out,
        given.conditions,
        event_type,
    )


def period_of(given: Given, context: Context) -> Period:
    """`start_date` to `end_date` in `timezone`. Raises Invalid."""
    zone = zone_of(given.one("timezone"), context.timezone)
    return period(given.one("start_date"), given.one("end_date"), zone, context.now_ms, context.kept_days)


def kind_and_name(given: Given, default: EventType | None) -> tuple[EventType | None, str | None]:
    """What `event_type` and `event_name` ask for: the type (None: any) and the name (None: all). Raises Invalid.

    A name is that of custom events. `default` is the type where neither is given.
    """
    known = (*EventType, ANY)
    kind, name = given.one("event_type"), given.one("event_name")
    if kind is not None and kind not in known:
        raise Invalid(
            f"event_type must be {', '.join(known)}, not {shown(kind)}{nearest(kind, known)}", "event_type"
        )
    if name is not None and kind == EventType.PAGEVIEW:
        raise Invalid("event_name is of custom events; leave event_type out, or event_name", "event_name")
    if name is not None:
        return EventType.CUSTOM, require_name(name)
    if kind is None:
        return default, None
    return None if kind == ANY else EventType(kind), None


def event_name(given: Given) -> str:
    """`event_name`, which is required. Raises Invalid."""
    return require_name(given.one("event_name"))


def require_name(given: str | None, field: str = "event_name") -> str:
    """`given`, trimmed, as the name of a custom event. Raises Invalid with the messages of the spec."""
    if given is None:
        raise Invalid("event_name query parameter is required", field)
    name = trim(given)
    if not name:
        raise Invalid("event_name must not be empty", field)
    if len(name) > EVENT_NAME_MAX_CHARACTERS:
        raise Invalid("event_name must be 255 characters or fewer", field)
    return name


def yes_or_no(given: Given, name: str) -> bool:
    """`name`, false where it is not given. Raises Invalid."""
    text = given.one(name)
    if text is None:
        return False
    if text not in _YES_OR_NO:
        raise Invalid(f"{name} must be true or false, not {shown(text)}", name)
    return _YES_OR_NO[text]


def count(given: Given, name: str, default: int, most: int, least: int = 1) -> int:
    """A whole number from `least` to `most`. Raises Invalid."""
    text = given.one(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise Invalid(f"{name} must be a whole number from {least} to {most:,}, not {shown(text)}", name)
    return int(text)


def included(given: Given, known: Sequence[str]) -> frozenset[str]:
    """What `include` asks for beside the counts. Raises Invalid."""
    asked = given.many("include")
    for name in asked:
        if name not in known:
            raise Invalid(
                f"include knows {', '.join(known)}, not {shown(name)}{nearest(name, known)}", "include"
            )
    return frozenset(asked)


def search(given: Given) -> str:
    """The text that names are searched for, empty for all. Raises Invalid."""
    text = given.one("search") or ""
    if len(text) > MAX_SEARCH_CHARACTERS:
        raise Invalid(f"search must be {MAX_SEARCH_CHARACTERS} characters or fewer", "search")
    return text


def choice(given: Given, name: str, known: Sequence[str]) -> str:
    """One word of `known`, the first one where none is given. Raises Invalid."""
    text = given.one(name)
    if text is None:
        return known[0]
    if text not in known:
        raise Invalid(f"{name} must be {' or '.join(known)}, not {shown(text)}{nearest(text, known)}", name)
    return text
