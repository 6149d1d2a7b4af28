"""The websites of a key, page by page. Pure."""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, get_args

from eventrail.websites.model import Scope
from query_api.access import Grant
from query_api.errors import Invalid, shown
from query_api.question import read_parameters

WEBSITES_PARAMETERS = ("limit", "offset")
MAX_LIMIT: Final = 1000
MAX_OFFSET: Final = 1_000_000

_NUMBER = re.compile(r"[0-9]{1,7}")
_SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


class Page(NamedTuple):
    """`limit` websites after the first `offset`."""

    limit: int = MAX_LIMIT
    offset: int = 0


def ask_websites(query: bytes) -> Page:
    """The page behind a raw query string. Raises Invalid."""
    given = read_parameters(query, WEBSITES_PARAMETERS)
    return Page(
        _number("limit", given.get("limit"), 1, MAX_LIMIT, MAX_LIMIT),
        _number("offset", given.get("offset"), 0, MAX_OFFSET, 0),
    )


def _number(name: str, given: str | None, least: int, most: int, default: int) -> int:
    if given is None:
        return default
    if not _NUMBER.fullmatch(given) or not least <= int(given) <= most:
        raise Invalid(f"{name} must be a whole number from {least} to {most}, not {shown(given)}", name)
    return int(given)


def answer(grants: Sequence[Grant] | None, page: Page) -> dict[str, Any]:
    """The body of the answer; None for an open stack, which knows no websites."""
    if grants is None:
        return {"data": [], "meta": {"open": True}}
    told = grants[page.offset : page.offset + page.limit]
    return {"data": [_website(grant) for grant in told], "meta": {"open": False, "total": len(grants)}}


def _website(grant: Grant) -> dict[str, Any]:
    website = grant.website
    return {
        "website_id": website.id,
        "name": website.name,
        "domains": list(website.domains),
        "timezone": website.timezone,
        "retention_days": website.retention_days,
        "scopes": [scope for scope in _SCOPES if scope in grant.scopes],
    }
