"""Where the client's address is, by the GeoIP database."""

from enricher.draft import Draft
from enricher.world import World


def add_geo(draft: Draft, world: World) -> None:
    """`geo`; absent without an address, or where the database does not know it."""
    if draft.address is None:
        return
    place = world.geo.of(draft.address)
    if place is not None:
        draft.event.geo.CopyFrom(place)
