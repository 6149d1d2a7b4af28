"""What a replay would do with each rejected event: send it to where it came from, or refuse, and why.

Nothing here does IO; what is stored or was replayed before is looked up later (eventrail.rejected.replay).
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

from eventrail.contract.codec import check_raw, decode_enriched, enriched_headers, enriched_key
from eventrail.contract.topics import ENRICHED, RAW
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from eventrail.errors import ContractError
from eventrail.rejected import original
from eventrail.rejected.entry import Address, Entry
from eventrail.rejected.identity import Identity, identity
from eventrail.rejected.original import Event
from eventrail.rejected.patching import IdentityChange, Patch, PatchRefused, patched
from eventrail.rows.events import row

LARGEST_VALUE: Final = 1_048_576 - 4096
"""Key, headers and Kafka's framing take less than what is left of the largest batch."""


class Refusal(StrEnum):
    """Why an event is not replayed: the closed list."""

    NOT_FOUND = "not_found"
    """No record at this address: it was removed after its time, or there has been none yet."""
    UNREADABLE = "unreadable"
    """The record is no RejectedEvent."""
    INCOMPLETE = "incomplete"
    """The original bytes are not all there."""
    UNDECODABLE = "undecodable"
    """The original bytes are no message of their topic."""
    PATCH_UNFIT = "patch_unfit"
    """The patch cannot be laid on this event."""
    OTHER_EVENT = "other_event"
    """The patch would change the event's identity."""
    INVALID = "invalid"
    """It breaks a rule of the contract (still, after the patch), and would be rejected again."""
    NO_PARTITION = "no_partition"
    """The topic no longer has the partition that it came from."""
    REPLAYED = "already_replayed"
    """The audit tells of a replay of the same bytes; --again replays them all the same."""
    STORED = "already_stored"
    """The event is in the table."""
    ERASED = "erased"
    """The event was erased on request."""


class Origin(NamedTuple):
    """Which bytes are replayed: where they stood, their event's place in the chunk, their SHA-256 (hexadecimal).

    Copies of a rejection have the same origin. The digest tells a topic apart that was created anew.
    """

    topic: str
    partition: int
    offset: int
    place: int
    digest: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One event that is not replayed."""

    address: Address
    why: Refusal
    detail: str
    website_id: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """One event that can be replayed, as it will be sent; `partition` is None where the key decides."""

    address: Address
    stage: int
    reason: int
    rejected_at_ms: int
    origin: Origin
    identity: Identity
    topic: str
    partition: int | None
    value: bytes
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    def refused(self, why: Refusal, detail: str) -> Refused:
        return Refused(self.address, why, detail, self.identity.website_id, str(self.identity.event_id))


def plan(entry: Entry, patch: Patch | None) -> list[Planned | Refused]:
    """What is to be done with each event of `entry`, with `patch` laid on it; at least one."""
    rejected = entry.event
    if rejected is None:
        return [
            Refused(entry.address, Refusal.UNREADABLE, f"{len(entry.value)} bytes that are no RejectedEvent")
        ]
    if not original.is_whole(rejected):
        detail = "its original bytes are not all here; see its detail for where they are"
        return [_refused(entry.address, rejected, Refusal.INCOMPLETE, detail)]
    try:
        found = original.events(rejected)
    except ContractError as error:
        return [_refused(entry.address, rejected, Refusal.UNDECODABLE, str(error))]
    digest = sha256(rejected.original).hexdigest()
    return [_event(entry, rejected, event, place, digest, patch) for place, event in enumerate(found)]


def _refused(address: Address, rejected: RejectedEvent, why: Refusal, detail: str) -> Refused:
    return Refused(address, why, detail, rejected.website_id, rejected.event_id)


def _event(
    entry: Entry, rejected: RejectedEvent, event: Event, place: int, digest: str, patch: Patch | None
) -> Planned | Refused:
    try:
        made = patched(event, patch) if patch else event
        checked(made)
        return _planned(entry.address, rejected, made, place, digest)
    except IdentityChange as error:
        why, detail = Refusal.OTHER_EVENT, str(error)
    except PatchRefused as error:
        why, detail = Refusal.PATCH_UNFIT, str(error)
    except ContractError as error:
        why, detail = Refusal.INVALID, str(error)
    return Refused(entry.address, why, detail, event.website_id, event.event_id)


def checked(event: Event) -> None:
    """Raises ContractError where the next stage would reject `event` for its content or its size."""
    identity(event)
    if isinstance(event, RawEvent):
        check_raw(event)
    else:
        row(decode_enriched(event.SerializeToString()), 0, 0)
    if event.ByteSize() > LARGEST_VALUE:
        raise ContractError(f"it has {event.ByteSize()} bytes, at most {LARGEST_VALUE} fit", rule=True)


def _planned(address: Address, rejected: RejectedEvent, event: Event, place: int, digest: str) -> Planned:
    is_enriched = isinstance(event, EnrichedEvent)
    return Planned(
        address=address,
        stage=rejected.stage,
        reason=rejected.reason,
        rejected_at_ms=rejected.rejected_at_ms,
        origin=_origin(rejected, place, digest),
        identity=identity(event),
        topic=ENRICHED.name if is_enriched else RAW.name,
        partition=None if is_enriched else rejected.source_partition,
        value=_value(event),
        key=enriched_key(event) if isinstance(event, EnrichedEvent) else None,
        headers=tuple(enriched_headers(event)) if isinstance(event, EnrichedEvent) else (),
    )


def _origin(rejected: RejectedEvent, place: int, digest: str) -> Origin:
    # Of a whole chunk, the event's place in it; a single event brings its place along.
    place = place if rejected.source_index < 0 else rejected.source_index
    return Origin(rejected.source_topic, rejected.source_partition, rejected.source_offset, place, digest)


def _value(event: Event) -> bytes:
    whole = RawEvents(events=[event]) if isinstance(event, RawEvent) else event
    return whole.SerializeToString(deterministic=True)
