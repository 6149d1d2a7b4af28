"""What follows from a visitor id alone: made once, and needed with each of its events."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from enricher.enrichments.fingerprint import fingerprint
from enricher.partitions import key_hash
from eventrail.contract.codec import key_of

VISITORS_KEPT: Final = 32_768
_KEY: Final = b"session.key.v1"


@dataclass(slots=True)
class Visitor:
    """A visitor id of a website, and what is made of the two.

    `state_key` is the key of its session state in the store; `record_key` that of its events on the enriched topic, and
    `record_hash` its `key_hash`. The last two belong to the session step, which notes there what it has written last:
    id and start of a session as they stand in a state, and as a fragment of an event.
    """

    website_id: str
    visitor_id: str
    state_key: bytes
    record_key: bytes
    record_hash: int
    opening: bytes = b""
    session: bytes = b""


def visitor_of(website_id: str, visitor_id: str) -> Visitor:
    """A visitor of whom nothing is known but the id."""
    record_key = key_of(visitor_id, "")
    return Visitor(
        website_id, visitor_id, state_key(website_id, visitor_id), record_key, key_hash(record_key)
    )


known_visitor: Final = lru_cache(maxsize=VISITORS_KEPT)(visitor_of)
"""The same, and the same object for the same visitor: the last 32,768 are kept."""


def state_key(website_id: str, visitor_id: str) -> bytes:
    """Key of a visitor's state in the store, 15 bytes: one more would take 16 more in memory, for each visitor."""
    return fingerprint(_KEY, website_id.encode(), visitor_id.encode())[:15]
