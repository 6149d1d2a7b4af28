"""Where the client's address is, by the GeoIP database."""

from enricher.draft import Draft
from enricher.lookups.geo import place_of
from enricher.world import World


def add_geo(draft: Draft, world: World) -> None:
    """`geo`; absent without an address, or where the database does not know it.

    Of a client that asked not to be tracked only the country is kept.
    """
    place = world.geo.of(draft.address) if draft.address is not None else None
    if place is None:
        return
    if not draft.raw.without_visitor:
        draft.geo = place.written
    elif place.geo.country:
        draft.geo = place_of(place.geo.country).written
