"""The rules for members of the usual shape, all at once.

`rules` says what is asked, and why something is refused. Nothing is refused here: what is not seen at once to keep
every rule is left to `rules`, and what is becomes the same Event. A test holds one against the other.
"""

from functools import lru_cache
from typing import Final

from msgspec import UNSET

from collector.event_ids import is_canonical
from collector.payload import event_data, timestamps
from collector.payload.members import Member
from collector.payload.rules import (
    CUSTOM,
    MAX_CHARACTERS,
    TYPES,
    VISITOR_ID_MAX_BYTES,
    Event,
    first_language,
    screen_of,
)
from collector.refusals import Refused
from eventrail.contract.names import EVENT_NAME_MAX_CHARACTERS, is_website_id, trim

_REMEMBERED: Final = 4096
_REMEMBERED_CHARACTERS: Final = 64
"""What is longer is left to `rules`, so that what is remembered stays below 1 MiB or so."""

_URL_MAX: Final = MAX_CHARACTERS["url"]
_REFERRER_MAX: Final = MAX_CHARACTERS["referrer"]
_FARTHEST_MS: Final = timestamps.FARTHEST_MS


def judge(member: Member) -> Event | None:
    """What `rules.judge` makes of `member`, None where it has to be asked. Raises Refused for event_data alone."""
    event_type = TYPES.get(member.event_type or member.type or "")
    event_name = trim(member.event_name or "")
    if (
        event_type is None
        or bool(event_name) is not (event_type == CUSTOM)
        or len(event_name) > EVENT_NAME_MAX_CHARACTERS
        or not (_is_bounded(member) and _is_identified(member))
    ):
        return None
    sent_ms, clock_ms = member.timestamp, member.sent_at
    return Event(
        member.website_id or "",
        event_type,
        event_name,
        event_data.read(bytes(member.event_data)),
        member.visitor_id or "",
        member.url or "",
        member.referrer or "",
        _language(member.language or "") or "",
        {},
        _screen(member.screen) if member.screen else None,
        member.event_id or "",
        sent_ms if isinstance(sent_ms, int) else None,
        timestamps.FIELD,
        clock_ms if isinstance(clock_ms, int) and sent_ms is not UNSET else None,
        "",
        "",
    )


def _is_bounded(member: Member) -> bool:
    """Whether what is there has the right length and form, and nothing unusual is."""
    website_id, visitor_id = member.website_id or "", member.visitor_id or ""
    language, screen = member.language or "", member.screen or ""
    return (
        len(website_id) <= _REMEMBERED_CHARACTERS
        and _is_website_id(website_id)
        and len(member.url or "") <= _URL_MAX
        and len(member.referrer or "") <= _REFERRER_MAX
        and len(visitor_id) <= VISITOR_ID_MAX_BYTES
        and visitor_id.isascii()
        and len(language) <= _REMEMBERED_CHARACTERS
        and _language(language) is not None
        and len(screen) <= _REMEMBERED_CHARACTERS
        and (not screen or _screen(screen) is not None)
        and not (member.event_type and member.type)
        and not (member.client_ip or member.user_agent)
        and member.screen_width is UNSET is member.screen_height
        and not (member.utm_source or member.utm_medium or member.utm_campaign)
        and not (member.utm_term or member.utm_content)
    )


def _is_identified(member: Member) -> bool:
    """Whether times are whole milliseconds, and an id is in its text form and stands beside one."""
    event_id, sent_ms, clock_ms = member.event_id or "", member.timestamp, member.sent_at
    return (
        (sent_ms is UNSET or (isinstance(sent_ms, int) and -_FARTHEST_MS <= sent_ms <= _FARTHEST_MS))
        and (clock_ms is UNSET or (isinstance(clock_ms, int) and -_FARTHEST_MS <= clock_ms <= _FARTHEST_MS))
        and (not event_id or (sent_ms is not UNSET and is_canonical(event_id)))
    )


_is_website_id = lru_cache(_REMEMBERED)(is_website_id)


@lru_cache(_REMEMBERED)
def _language(text: str) -> str | None:
    language = first_language(text)
    return language if len(language) <= MAX_CHARACTERS["language"] else None


@lru_cache(_REMEMBERED)
def _screen(text: str) -> tuple[int, int] | None:
    try:
        return screen_of(text)
    except Refused:
        return None
