"""The page that led here."""

from functools import lru_cache
from typing import Final

from enricher.draft import Draft
from enricher.enrichments.url import MAX_CHARACTERS, UrlParts, split
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Referrer

_WITH_DOMAIN: Final = frozenset({"http", "https", "android-app", "ios-app"})
_LOCAL: Final = frozenset(
    {"about", "blob", "chrome", "content", "data", "edge", "file", "filesystem", "javascript", "opera", "resource",
     "brave", "vivaldi", "view-source"}
)  # fmt: skip
"""What only the client's own device knows: its files (whose paths name people) and its browser's pages."""


def add_referrer(draft: Draft, world: World) -> None:
    """`referrer`, unless it is no URL, a place on the client's own device, or the website itself.

    The website itself is the page's host and each of the website's domains, with or without "www.".
    """
    text = draft.raw.referrer
    if not text or _is_on_the_same_host(text, draft.page):
        return
    found = read(text)
    if found is None or _is_own(found.domain, draft, world):
        return
    draft.referrer = found


def read(text: str) -> Referrer | None:
    """The referrer in `text`, None where it tells nothing about where somebody came from.

    It is not to be changed by the caller. Web pages and apps have a domain: a host name, the package name of
    `android-app://`, the number of `ios-app://`. Other schemes with "//" (`slack://open`) have none. Local places
    (`about:`, `file:`, `data:`, browser extensions), what has no scheme or no "//", and what is no URL at all, are no
    referrers.
    """
    return _read(text) if len(text) <= MAX_CHARACTERS else None


@lru_cache(maxsize=2048)
def _read(text: str) -> Referrer | None:
    parts = split(text)
    if parts is None or not parts.scheme or parts.authority is None or _is_local(parts.scheme):
        return None
    domain = domain_of(parts.host) if parts.scheme in _WITH_DOMAIN else ""
    return Referrer(url=_bare(text, parts.authority), domain=domain)


def _is_local(scheme: str) -> bool:
    return scheme in _LOCAL or scheme.endswith("-extension")


def domain_of(host: str) -> str:
    """`host` without a leading "www."."""
    return host.removeprefix("www.")


def _bare(url: str, authority: str) -> str:
    without_fragment = url.partition("#")[0]
    if "@" not in authority:
        return without_fragment
    scheme, _, rest = without_fragment.partition("//")
    return f"{scheme}//{authority.rpartition('@')[2]}{rest[len(authority) :]}"


def _is_on_the_same_host(text: str, page: UrlParts | None) -> bool:
    """Whether `text` begins as the page's url does, up to the path: what most referrers are, and cheap to see.

    False decides nothing. Whatever follows the host, such a text is either of the website itself or no URL.
    """
    if page is None or not page.host or not page.authority or page.scheme not in _WITH_DOMAIN:
        return False
    return text.startswith(f"{page.scheme}://{page.authority}/")


def _is_own(domain: str, draft: Draft, world: World) -> bool:
    if not domain:
        return False
    page = draft.page
    if page is not None and domain_of(page.host) == domain:
        return True
    website = world.websites.find(draft.raw.website_id)
    return website is not None and any(domain_of(own) == domain for own in website.domains)
