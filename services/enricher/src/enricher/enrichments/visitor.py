"""Who it was, without knowing who it was."""

from enricher.draft import Draft
from enricher.world import World
from eventrail.clock import utc_day
from eventrail.contract.v1.enriched_pb2 import (
    VISITOR_SOURCE_CLIENT,
    VISITOR_SOURCE_HASH,
    VISITOR_SOURCE_NONE,
    VISITOR_SOURCE_SALT_GONE,
    VISITOR_SOURCE_WITHHELD,
    VisitorSource,
)


def add_visitor(draft: Draft, world: World) -> None:
    """`visitor_id`, and `visitor_source`: where it comes from, or why there is none.

    The client's own id is kept as given, else it is a hash with the salt of the day of acceptance: a client cannot
    choose that day by its timestamp. None without an address, where the client asked not to be tracked (also not
    its own id), or where the salt is gone. Raises SaltMissing while the salt can still come.
    """
    draft.visitor_id, draft.visitor_source = _visitor(draft, world)


def _visitor(draft: Draft, world: World) -> tuple[str, VisitorSource.ValueType]:
    raw = draft.raw
    if raw.without_visitor:
        return "", VISITOR_SOURCE_WITHHELD
    if raw.visitor_id:
        return raw.visitor_id, VISITOR_SOURCE_CLIENT
    if draft.address is None:
        return "", VISITOR_SOURCE_NONE
    ids = world.salts.visitors(utc_day(raw.received_at_ms))
    if ids is None:
        return "", VISITOR_SOURCE_SALT_GONE
    return ids.of(raw.website_id, draft.address, raw.user_agent), VISITOR_SOURCE_HASH
