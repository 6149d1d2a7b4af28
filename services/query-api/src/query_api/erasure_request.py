"""What may be asked to be erased: a body becomes ids, or an Invalid that says what is right. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from eventrail.erasures.request import MOST_IDS, VISITOR_ID_MAX_BYTES, Erasure
from query_api.errors import Invalid, shown
from query_api.question import read_parameters

BODY_MAX_BYTES: Final = 1024 * 1024
LIST_PARAMETERS: Final = ("limit", "offset")
MOST_LISTED: Final = 1_000
_LISTED: Final = 100
_LAST_OFFSET: Final = 1_000_000

_MEMBERS: Final = ("visitor_ids", "event_ids")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


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
    read_parameters(query, ())
    members = _object(body)
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
    given = read_parameters(query, LIST_PARAMETERS)
    return Listing(
        _whole("limit", given.get("limit"), _LISTED, 1, MOST_LISTED),
        _whole("offset", given.get("offset"), 0, 0, _LAST_OFFSET),
    )


def ask_one(query: bytes, erasure_id: str) -> UUID:
    """What `GET .../erasures/{erasure_id}` asks for. Raises Invalid."""
    read_parameters(query, ())
    if _UUID.fullmatch(erasure_id) is None:
        raise Invalid(f"erasure_id must be a UUID, not {shown(erasure_id)}", "erasure_id")
    return UUID(erasure_id)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body.decode(), object_pairs_hook=_members)
    except (ValueError, RecursionError):
        raise Invalid("the body must be a JSON object in UTF-8", "body") from None
    if not isinstance(found, dict):
        raise Invalid("the body must be a JSON object", "body")
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Invalid("the body has a member twice, give it once", "body")
    return found


def _texts(members: dict[str, Any], name: str) -> list[str]:
    given = members.get(name, [])
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise Invalid(f"{name} must be a list of texts", name)
    if len(given) > MOST_IDS:
        raise Invalid(f"{name} has {len(given):,} ids, at most {MOST_IDS:,} are taken at once", name)
    return given


def _visitor_id(text: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Invalid("a visitor id holds a lone surrogate, which is no text", "visitor_ids") from None
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


def _whole(name: str, given: str | None, default: int, least: int, most: int) -> int:
    if given is None:
        return default
    if _NUMBER.fullmatch(given) is None or not least <= int(given) <= most:
        raise Invalid(f"{name} must be a whole number from {least} to {most}, not {shown(given)}", name)
    return int(given)
