"""Who it was, without knowing who it was."""

from typing import Final

from enricher.draft import Draft
from enricher.enrichments.fingerprint import fingerprint
from enricher.world import World
from eventrail.clock import utc_day
from eventrail.sealing import Address

_PURPOSE: Final = b"visitor.v1"


def add_visitor(draft: Draft, world: World) -> None:
    """`visitor_id`: the client's own as given, else a hash; none without an address.

    The day of the salt is that of acceptance: a client cannot choose it by its timestamp.
    """
    raw = draft.raw
    if raw.visitor_id:
        draft.event.visitor_id = raw.visitor_id
    elif draft.address is not None:
        salt = world.salts.of(utc_day(raw.received_at_ms))
        draft.event.visitor_id = visitor_hash(salt, raw.website_id, draft.address, raw.user_agent)


def visitor_hash(salt: bytes, website_id: str, address: Address, user_agent: str) -> str:
    """32 lower-case hexadecimal characters; another website or another day's salt gives another one."""
    return fingerprint(_PURPOSE, website_id.encode(), address.packed, user_agent.encode(), key=salt).hex()
