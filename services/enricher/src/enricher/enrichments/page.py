"""The page on which the event happened."""

from dataclasses import replace

from enricher.draft import Draft
from enricher.enrichments.url import UrlParts, split
from enricher.world import World


def add_page(draft: Draft, world: World) -> None:
    """`page`: host, path and query of the url; none where that is no URL or was not sent.

    A url without scheme and host takes the website's main domain; in an open stack there is none.
    """
    url = draft.raw.url
    if url and (parts := split(url)) is not None:
        draft.page = _placed(parts, draft.raw.website_id, world)


def _placed(parts: UrlParts, website_id: str, world: World) -> UrlParts:
    if parts.scheme or parts.authority is not None:
        return parts
    website = world.websites.find(website_id)
    return parts if website is None else replace(parts, host=website.main_domain)
