"""What an event may say, and how it becomes a member of a request; the rules are those of the collector."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final, TypedDict
from uuid import UUID

from eventrail_client import event_ids, properties
from eventrail_client.errors import InvalidEvent
from eventrail_client.texts import text

EVENT_NAME_MAX_CHARACTERS: Final = 255
VISITOR_ID_MAX_BYTES: Final = 64
FARTHEST_MS: Final = 8_640_000_000_000_000
MAX_CHARACTERS: Final = {"url": 2048, "referrer": 2048, "language": 35, "user_agent": 1024}

_WHITE_SPACE: Final = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_WEBSITE_ID: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SENT_AT: Final = b'%b,"sent_at":%d}'


class Fields(TypedDict, total=False):
    """What an event may say beside its name and properties; what is absent, None or "" is left out.

    `timestamp` is when it happened, in Unix milliseconds or as a datetime with its zone; without it: now.
    `event_id` is a UUID of yours, for events that may be tracked twice; it needs `timestamp`, or is a UUID of
    version 7. `client_ip` and `user_agent` are those of the visitor, and need a server key.
    """

    event_id: str | UUID | None
    timestamp: datetime | int | None
    visitor_id: str | None
    url: str | None
    referrer: str | None
    language: str | None
    client_ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """One event on its way; `member` is its JSON object in UTF-8, without the brace that closes it."""

    event_id: str
    event_name: str
    member: bytes

    def sent(self, sent_at_ms: int) -> bytes:
        """The JSON object as it is sent at a time by this machine's clock, in Unix milliseconds."""
        return _SENT_AT % (self.member, sent_at_ms)


def is_website_id(website_id: str) -> bool:
    """Whether the collector takes it as one; such an id is safe as the name of a folder."""
    return _WEBSITE_ID.fullmatch(website_id) is not None


def make(
    website_id: str,
    name: str,
    props: properties.Properties | None,
    fields: Fields,
    now_ms: int,
    random_bits: int,
) -> Event:
    """The event that happened at `now_ms` (Unix milliseconds), where `fields` do not say otherwise.

    Raises InvalidEvent for the first rule that it breaks, TypeError for a field that no event has.
    """
    unknown = fields.keys() - Fields.__annotations__.keys()
    if unknown:
        raise TypeError(f"an event has no field {min(unknown)!r}")
    event_name = _event_name(name)
    event_id, timestamp = _identity(fields, now_ms, random_bits)
    member: dict[str, Any] = {
        "website_id": website_id,
        "event_type": "custom",
        "event_name": event_name,
        "event_id": event_id,
        "timestamp": timestamp,
        **_texts(fields),
    }
    head = properties.encode(member)[:-1]
    data = "" if props is None else f',"{properties.FIELD}":{properties.written(props)}'
    return Event(event_id, event_name, (head + data).encode())


def _event_name(name: str) -> str:
    trimmed = _str(name, "event_name").strip(_WHITE_SPACE)
    if not trimmed:
        raise InvalidEvent("must not be empty", "event_name")
    if len(trimmed) > EVENT_NAME_MAX_CHARACTERS:
        raise InvalidEvent(
            f"has {len(trimmed)} characters, but must have {EVENT_NAME_MAX_CHARACTERS} or fewer", "event_name"
        )
    return trimmed


def _str(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidEvent(f"must be a text, but is a {type(value).__name__}", field)
    return text(value, field)


def _identity(fields: Fields, now_ms: int, random_bits: int) -> tuple[str, int]:
    given, moment = fields.get("event_id"), fields.get("timestamp")
    timestamp = None if moment is None else _unix_ms(moment)
    if not given:
        happened = now_ms if timestamp is None else timestamp
        return event_ids.uuid7(happened, random_bits), happened
    event_id = event_ids.canonical(str(given))
    if event_id is None:
        raise InvalidEvent("must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057", "event_id")
    carried = event_ids.time_of(event_id) if timestamp is None else timestamp
    if carried is None:
        raise InvalidEvent("needs timestamp beside it, unless it is a UUID of version 7", "event_id")
    return event_id, carried


def _unix_ms(moment: Any) -> int:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise InvalidEvent("needs a time zone, such as datetime.now(UTC) has", "timestamp")
        return (moment - _EPOCH) // _MILLISECOND
    if not isinstance(moment, int) or isinstance(moment, bool):
        raise InvalidEvent("must be a datetime, or Unix milliseconds as an int", "timestamp")
    if abs(moment) > FARTHEST_MS:
        raise InvalidEvent("is out of range: expected Unix time in milliseconds", "timestamp")
    return moment


def _texts(fields: Fields) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, rule in _RULES.items():
        value: Any = fields.get(name)
        if value is not None and (kept := rule(_str(value, name), name)):
            found[name] = kept
    return found


def _short(value: str, field: str) -> str:
    limit = MAX_CHARACTERS[field]
    if len(value) > limit:
        raise InvalidEvent(f"has {len(value):,} characters, but at most {limit:,} are taken", field)
    return value


def _language(value: str, field: str) -> str:
    """Of a whole Accept-Language header (RFC 9110, 12.5.4) the first language."""
    first = value.partition(",")[0].partition(";")[0].strip()
    return "" if first == "*" else _short(first, field)


def _visitor_id(value: str, field: str) -> str:
    size = len(value.encode())
    if size > VISITOR_ID_MAX_BYTES:
        raise InvalidEvent(f"has {size} bytes in UTF-8, but must have 1 to {VISITOR_ID_MAX_BYTES}", field)
    return value


def _address(value: str, field: str) -> str:
    address = value.strip().partition("%")[0]
    if value:
        try:
            ip_address(address)
        except ValueError:
            # The address itself stays out of the message, which may end up in a log.
            raise InvalidEvent("must be an IPv4 or IPv6 address, without a port", field) from None
    return address


_RULES: Final[dict[str, Callable[[str, str], str]]] = {
    "visitor_id": _visitor_id,
    "url": _short,
    "referrer": _short,
    "language": _language,
    "client_ip": _address,
    "user_agent": _short,
}
