"""The page on which the event happened."""

from enricher.draft import Draft
from enricher.enrichments.url import split
from enricher.world import World


def add_page(draft: Draft, _world: World) -> None:
    """`page` with host, path and query; only its url where that is no URL; nothing where none was sent."""
    url = draft.raw.url
    if not url:
        return
    page = draft.event.page
    page.url = url
    draft.page = parts = split(url)
    if parts is not None:
        page.host = parts.host
        page.path = parts.path
        page.query = parts.query
