"""The rules for one member: what is asked of each field, in one place."""

import re
from typing import Final

import msgspec
from msgspec import UnsetType

from collector import event_ids
from collector.payload import event_data, timestamps
from collector.payload.members import Member, Moment, Text
from collector.refusals import invalid
from eventrail.contract.names import EVENT_NAME_MAX_CHARACTERS, WEBSITE_ID_RULE, is_website_id, trim
from eventrail.contract.v1.enriched_pb2 import EventType

CUSTOM: Final = EventType.EVENT_TYPE_CUSTOM
PAGEVIEW: Final = EventType.EVENT_TYPE_PAGEVIEW

TYPES: Final = {"custom": CUSTOM, "event": CUSTOM, "pageview": PAGEVIEW}
_TYPE_RULE: Final = '"custom" (or "event") for a custom event, "pageview" for a page view'

MAX_CHARACTERS: Final = {
    "url": 2048,
    "referrer": 2048,
    "language": 35,
    "utm_source": 255,
    "utm_medium": 255,
    "utm_campaign": 255,
    "utm_term": 255,
    "utm_content": 255,
}
"""Longest value of plain text fields, in characters (Unicode code points)."""

VISITOR_ID_MAX_BYTES: Final = 64
SCREEN_MAX: Final = 65_535

_UTM: Final = "utm_"

_SCREEN = re.compile(r"(\d{1,6})[xX](\d{1,6})", flags=re.ASCII)


class Event(msgspec.Struct):
    """A member that keeps all rules; a text that was absent, null or empty is "".

    `campaign` has the UTM fields that are there, without `utm_`. `sent_ms` is the client's own time in Unix
    milliseconds, None where it sent none; `time_field` names where it came from. `clock_ms` is the client's clock
    at sending, where it told that and a timestamp. `screen` is width and height in pixels, or None.
    """

    website_id: str
    event_type: EventType.ValueType
    event_name: str
    event_data: str
    visitor_id: str
    url: str
    referrer: str
    language: str
    campaign: dict[str, str]
    screen: tuple[int, int] | None
    event_id: str
    sent_ms: int | None
    time_field: str
    clock_ms: int | None
    client_ip: str
    user_agent: str


def judge(member: Member) -> Event:
    """`member` as an Event. Raises Refused for the first rule that it breaks."""
    website_id = _website_id(member)
    event_type = _event_type(member)
    event_id, sent_ms, time_field = _identity(member)
    texts = _texts(member)
    return Event(
        website_id,
        event_type,
        _event_name(member, event_type),
        event_data.read(bytes(member.event_data)),
        _visitor_id(member),
        texts.pop("url", ""),
        texts.pop("referrer", ""),
        texts.pop("language", ""),
        {name.removeprefix(_UTM): text for name, text in texts.items()},
        _screen(member),
        event_id,
        sent_ms,
        time_field,
        _clock(member, time_field, sent_ms),
        _text_of(member.client_ip),
        _text_of(member.user_agent),
    )


def _text_of(value: Text) -> str:
    return value if isinstance(value, str) else ""


def _absent(value: object) -> bool:
    return value is None or isinstance(value, UnsetType)


def _website_id(member: Member) -> str:
    value = member.website_id
    if not isinstance(value, str):
        raise invalid("is required", "website_id")
    if not is_website_id(value):
        raise invalid(f"must be {WEBSITE_ID_RULE}", "website_id")
    return value


def _event_type(member: Member) -> EventType.ValueType:
    found = {}
    for name, value in (("event_type", member.event_type), ("type", member.type)):
        if isinstance(value, str) and value:
            if value not in TYPES:
                raise invalid(f"must be {_TYPE_RULE}", name)
            found[name] = TYPES[value]
    if not found:
        raise invalid(f"is required: {_TYPE_RULE}", "event_type")
    if len(set(found.values())) > 1:
        raise invalid("says something else than event_type; send one of them", "type")
    return next(iter(found.values()))


def _event_name(member: Member, event_type: EventType.ValueType) -> str:
    value = member.event_name
    name = trim(value) if isinstance(value, str) else ""
    if event_type == PAGEVIEW:
        if name:
            raise invalid("a page view has no name: leave it out, or send a custom event", "event_name")
        return ""
    if not isinstance(value, str):
        raise invalid("is required for a custom event", "event_name")
    if not name:
        raise invalid("must not be empty", "event_name")
    if len(name) > EVENT_NAME_MAX_CHARACTERS:
        raise invalid(
            f"has {len(name)} characters, but must have {EVENT_NAME_MAX_CHARACTERS} or fewer", "event_name"
        )
    return name


def _visitor_id(member: Member) -> str:
    value = member.visitor_id
    if not isinstance(value, str) or not value:
        return ""
    size = len(value.encode())
    if size > VISITOR_ID_MAX_BYTES:
        raise invalid(f"has {size} bytes in UTF-8, but must have 1 to {VISITOR_ID_MAX_BYTES}", "visitor_id")
    return value


def _texts(member: Member) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, limit in MAX_CHARACTERS.items():
        value = getattr(member, name)
        if name == "language" and isinstance(value, str):
            value = first_language(value)
        if isinstance(value, str) and value:
            if len(value) > limit:
                raise invalid(f"has {len(value):,} characters, but at most {limit:,} are taken", name)
            found[name] = value
    return found


def first_language(text: str) -> str:
    """The first language of an Accept-Language header (RFC 9110, 12.5.4), which trackers on servers send as it came."""
    first = text.partition(",")[0].partition(";")[0].strip()
    return "" if first == "*" else first


def _screen(member: Member) -> tuple[int, int] | None:
    pair = _screen_pair(member)
    text = member.screen
    if not isinstance(text, str) or not text:
        return pair
    size = screen_of(text)
    if pair is not None and pair != size:
        raise invalid("says something else than screen_width and screen_height; send one of them", "screen")
    return size


def screen_of(text: str) -> tuple[int, int]:
    """Width and height out of WIDTHxHEIGHT. Raises Refused."""
    found = _SCREEN.fullmatch(text)
    if found is None:
        raise invalid('must be WIDTHxHEIGHT in pixels, such as "1920x1080"', "screen")
    return _in_range("screen", int(found[1]), int(found[2]))


def _screen_pair(member: Member) -> tuple[int, int] | None:
    width, height = member.screen_width, member.screen_height
    if isinstance(width, int) and isinstance(height, int):
        return _in_range("screen_width", width, height)
    if _absent(width) and _absent(height):
        return None
    alone, missing = (
        ("screen_width", "screen_height") if _absent(height) else ("screen_height", "screen_width")
    )
    raise invalid(f"needs {missing} beside it", alone)


def _in_range(name: str, width: int, height: int) -> tuple[int, int]:
    if not (1 <= width <= SCREEN_MAX and 1 <= height <= SCREEN_MAX):
        raise invalid(f"width and height must each be 1 to {SCREEN_MAX:,} pixels", name)
    return width, height


def _identity(member: Member) -> tuple[str, int | None, str]:
    value, moment = member.event_id, member.timestamp
    sent_ms = _moment(moment, timestamps.FIELD)
    if not isinstance(value, str) or not value:
        return "", sent_ms, timestamps.FIELD
    event_id = event_ids.canonical(value)
    if event_id is None:
        raise invalid(f"must be {event_ids.UUID_RULE}", "event_id")
    if sent_ms is not None:
        return event_id, sent_ms, timestamps.FIELD
    carried = event_ids.time_of(event_id)
    if carried is None:
        raise invalid("needs timestamp beside it, unless it is a UUID of version 7", "event_id")
    return event_id, carried, "event_id"


def _clock(member: Member, time_field: str, sent_ms: int | None) -> int | None:
    # Only a timestamp is read off the clock that sent_at shows: the id may be one that a collector assigned,
    # which a client sends again with its own, perhaps wrong, clock in sent_at.
    clock_ms = _moment(member.sent_at, timestamps.CLOCK_FIELD)
    return clock_ms if sent_ms is not None and time_field == timestamps.FIELD else None


def _moment(value: Moment, field: str) -> int | None:
    return timestamps.read(value, field) if isinstance(value, int | str) and value != "" else None
