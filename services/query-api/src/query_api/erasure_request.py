"""What may be asked to be erased: a body becomes ids, or an Invalid that says what is right. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from eventrail.erasures.request import MOST_IDS, VISITOR_ID_MAX_BYTES, Erasure
from query_api.errors import Invalid, shown
from query_api.question.fields import count
from query_api.question.given import from_query, read_object

BODY_MAX_BYTES: Final = 1024 * 1024
LIST_PARAMETERS: Final = ("limit", "offset")
MOST_LISTED: Final = 1_000
_LISTED: Final = 100
_LAST_OFFSET: Final = 1_000_000

_MEMBERS: Final = ("visitor_ids", "event_ids")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom and what to forget; each id once, in the order of the request."""

    visitor_ids: tuple[str, ...]
    event_ids: tuple[UUID, ...]

    def at(
        self, now_ms: int, margin_ms: int, raw_ends: Mapping[int, int], erasure_id: UUID, website_id: str
    ) -> Erasure:
        """The request as it is made now; `margin_ms` later than that still counts as before it."""
        return Erasure(
            erasure_id, website_id, now_ms, now_ms + margin_ms, self.visitor_ids, self.event_ids, raw_ends
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """Which requests to list, the newest first."""

    limit: int
    offset: int


def ask_erasure(query: bytes, body: bytes) -> Wanted:
    """What `POST .../erasures` asks for. Raises Invalid."""
    from_query(query, (), filters=False)
    members = read_object(body)
    strangers = [name for name in members if name not in _MEMBERS]
    if strangers:
        raise Invalid(f"unknown member {shown(strangers[0])}; known here: {', '.join(_MEMBERS)}", "body")
    wanted = Wanted(
        tuple(dict.fromkeys(map(_visitor_id, _texts(members, "visitor_ids")))),
        tuple(dict.fromkeys(map(_event_id, _texts(members, "event_ids")))),
    )
    if not wanted.visitor_ids and not wanted.event_ids:
        raise Invalid("visitor_ids or event_ids must name at least one id", "visitor_ids")
    return wanted


def ask_list(query: bytes) -> Listing:
    """What `GET .../erasures` asks for. Raises Invalid."""
    given = from_query(query, LIST_PARAMETERS, filters=False)
    return Listing(
        count(given, "limit", _LISTED, MOST_LISTED), count(given, "offset", 0, _LAST_OFFSET, least=0)
    )


def ask_one(query: bytes, erasure_id: str) -> UUID:
    """What `GET .../erasures/{erasure_id}` asks for. Raises Invalid."""
    from_query(query, (), filters=False)
    if _UUID.fullmatch(erasure_id) is None:
        raise Invalid(f"erasure_id must be a UUID, not {shown(erasure_id)}", "erasure_id")
    return UUID(erasure_id)


def _texts(members: dict[str, Any], name: str) -> list[str]:
    given = members.get(name, [])
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise Invalid(f"{name} must be a list of texts", name)
    if len(given) > MOST_IDS:
        raise Invalid(f"{name} has {len(given):,} ids, at most {MOST_IDS:,} are taken at once", name)
    return given


def _visitor_id(text: str) -> str:
    size = len(text.encode())
    if not 0 < size <= VISITOR_ID_MAX_BYTES:
        raise Invalid(
            f"a visitor id must have 1 to {VISITOR_ID_MAX_BYTES} bytes in UTF-8, not {size}: {shown(text)}",
            "visitor_ids",
        )
    return text


def _event_id(text: str) -> UUID:
    if _UUID.fullmatch(text) is None:
        raise Invalid(f"an event id must be a UUID, not {shown(text)}", "event_ids")
    return UUID(text)
