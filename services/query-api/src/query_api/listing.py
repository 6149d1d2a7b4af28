"""The websites of a key, page by page. Pure."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, get_args

from eventrail.websites.model import Scope
from query_api.access import Grant
from query_api.question.fields import count
from query_api.question.given import from_query

WEBSITES_PARAMETERS = ("limit", "offset")
MAX_LIMIT: Final = 1000
MAX_OFFSET: Final = 1_000_000

_SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


class Page(NamedTuple):
    """`limit` websites after the first `offset`."""

    limit: int = MAX_LIMIT
    offset: int = 0


def ask_websites(query: bytes) -> Page:
    """The page behind a raw query string. Raises Invalid."""
    given = from_query(query, WEBSITES_PARAMETERS, filters=False)
    return Page(count(given, "limit", MAX_LIMIT, MAX_LIMIT), count(given, "offset", 0, MAX_OFFSET, least=0))


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
