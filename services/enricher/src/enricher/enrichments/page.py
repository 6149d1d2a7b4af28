"""The page on which the event happened."""

from enricher.draft import Draft
from enricher.enrichments.url import UrlParts, split
from enricher.world import World


def add_page(draft: Draft, world: World) -> None:
    """`page` with host, path and query; only its url where that is no URL; nothing where none was sent.

    A url without scheme and host takes the website's main domain; in an open stack there is none.
    """
    url = draft.raw.url
    if not url:
        return
    page = draft.event.page
    page.url = url
    parts = split(url)
    if parts is None:
        return
    draft.page = parts = _placed(parts, draft.raw.website_id, world)
    page.host = parts.host
    page.path = parts.path
    page.query = parts.query


def _placed(parts: UrlParts, website_id: str, world: World) -> UrlParts:
    if parts.scheme or parts.authority is not None:
        return parts
    website = world.websites.find(website_id)
    return parts if website is None else parts._replace(host=website.main_domain)
