"""The page that led here."""

from functools import lru_cache
from typing import NamedTuple

from enricher.draft import Draft
from enricher.enrichments.url import MAX_CHARACTERS, split
from enricher.world import World


class ReferrerParts(NamedTuple):
    """`url` without fragment and credentials; `domain` without port and "www.", "" where there is no host."""

    url: str
    domain: str


def add_referrer(draft: Draft, _world: World) -> None:
    """`referrer`, unless it is no URL or it is the page's own website."""
    if not draft.raw.referrer:
        return
    found = read(draft.raw.referrer)
    if found is None or _is_own(found, draft):
        return
    referrer = draft.event.referrer
    referrer.url = found.url
    referrer.domain = found.domain


def read(text: str) -> ReferrerParts | None:
    """The referrer in `text`: a URL with a scheme and "//" (`android-app://` too); else None."""
    return _read(text) if len(text) <= MAX_CHARACTERS else None


@lru_cache(maxsize=2048)
def _read(text: str) -> ReferrerParts | None:
    parts = split(text)
    if parts is None or not parts.scheme or parts.authority is None:
        return None
    return ReferrerParts(_bare(text, parts.authority), domain_of(parts.host))


def domain_of(host: str) -> str:
    """`host` without a leading "www."."""
    return host.removeprefix("www.")


def _bare(url: str, authority: str) -> str:
    without_fragment = url.partition("#")[0]
    if "@" not in authority:
        return without_fragment
    scheme, _, rest = without_fragment.partition("//")
    return f"{scheme}//{authority.rpartition('@')[2]}{rest[len(authority) :]}"


def _is_own(found: ReferrerParts, draft: Draft) -> bool:
    page = draft.page
    return page is not None and page.host != "" and domain_of(page.host) == found.domain
