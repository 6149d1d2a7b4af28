"""Copies: the enricher's are one to the last byte, on one partition; those of clients share an identity."""

from enum import Enum, auto
from hashlib import blake2b
from typing import NamedTuple

from eventrail.conformance.findings import Place
from eventrail_subscriber import EnrichedEvent, Identity, identity

RawPlace = tuple[int, int, int]
"""Partition, offset and index of an event on the raw topic."""


class Kind(Enum):
    """What a record is to those that were read before it."""

    FIRST = auto()
    COPY_OF_ENRICHER = auto()
    COPY_OF_CLIENT = auto()


class _Seen(NamedTuple):
    place: Place
    identity: bytes
    made_by: bytes
    contents: bytes


class Copies:
    """Remembers every record, about 600 bytes for each."""

    def __init__(self) -> None:
        self._by_raw_place: dict[RawPlace, _Seen] = {}
        self._identities: set[bytes] = set()

    def see(self, place: Place, key: bytes, value: bytes, event: EnrichedEvent) -> tuple[Kind, str]:
        """What the record at `place` is, and what is wrong with it as a copy (nothing: an empty text)."""
        now = _Seen(
            place, _digest(identity(event)), _hash(event.enrichment.SerializeToString()), _hash(key, value)
        )
        first = self._by_raw_place.setdefault(raw_place(event), now)
        if first is not now:
            return Kind.COPY_OF_ENRICHER, _difference(first, now)
        if now.identity in self._identities:
            return Kind.COPY_OF_CLIENT, ""
        self._identities.add(now.identity)
        return Kind.FIRST, ""


def raw_place(event: EnrichedEvent) -> RawPlace:
    """Where `event` stood on the raw topic."""
    stood = event.raw_position
    return stood.partition, stood.offset, stood.index


def _difference(first: _Seen, now: _Seen) -> str:
    if first.identity != now.identity:
        return f"it has the place on the raw topic of another event, which stands at {first.place}"
    # Other rules or databases may give other facts of the same event.
    if first.made_by == now.made_by and first.contents != now.contents:
        return f"it is made of the same raw event as {first.place}, and differs from it"
    if first.place.partition != now.place.partition:
        return f"it is a copy of {first.place}, and stands on another partition"
    return ""


def _digest(parts: Identity) -> bytes:
    return _hash(*(str(part).encode() for part in parts))


def _hash(*parts: bytes) -> bytes:
    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(4, "big"))
        hashed.update(part)
    return hashed.digest()
