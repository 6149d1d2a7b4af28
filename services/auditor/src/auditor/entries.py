"""Records of the raw and the rejected topic become entries of the ledger: slim rows, pure.

What clickhouse-driver is given: DateTime columns get whole seconds as int, UUID a UUID.
"""

import re
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from google.protobuf.message import DecodeError

from eventrail.contract.codec import decode, decode_raw
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.errors import ContractError
from eventrail.rows.events import NIL, day

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LAST_MINUTE: Final = (2**32 - 1) // 60 * 60
_NO_DAY: Final = day(0)
_STAGES: Final = frozenset(Stage.values())
NOWHERE: Final = (-1, -1, -1)


class RawEntry(NamedTuple):
    """One accepted event; the columns of `ledger_raw`. `minute` is its start in Unix seconds."""

    minute: int
    raw_partition: int
    raw_offset: int
    raw_index: int
    raw_log: int
    website_id: str
    event_name: str
    identity_day: date
    event_id: UUID


class RejectedEntry(NamedTuple):
    """One rejection; the columns of `ledger_rejected`."""

    raw_partition: int
    raw_offset: int
    raw_index: int
    stage: int
    reason: str
    website_id: str
    event_id: UUID
    source_topic: str
    source_partition: int
    source_offset: int
    source_index: int
    minute: int


def minute_of(unix_ms: int) -> int:
    """Start of the minute of a Unix time in milliseconds, in Unix seconds, within the range of DateTime."""
    return min(max(unix_ms, 0) // 60_000 * 60, _LAST_MINUTE)


def uuid_of(text: str) -> UUID:
    """The id, or the nil UUID for text that the table `events` would not take as one."""
    return UUID(int=int(text.replace("-", ""), 16)) if _UUID.fullmatch(text) else NIL


def raw_entries(
    partition: int, offset: int, log: int, timestamp_ms: int, value: bytes | None
) -> list[RawEntry]:
    """An entry for each event of a record; a record that is no message is one entry with index -1.

    Such a record has no time of acceptance; `timestamp_ms`, that of the record, takes its place.
    """
    try:
        events = decode_raw(value)
    except ContractError:
        return [RawEntry(minute_of(timestamp_ms), partition, offset, -1, log, "", "", _NO_DAY, NIL)]
    return [_entry(event, partition, offset, index, log) for index, event in enumerate(events)]


def _entry(event: RawEvent, partition: int, offset: int, index: int, log: int) -> RawEntry:
    return RawEntry(
        minute_of(event.received_at_ms),
        partition,
        offset,
        index,
        log,
        event.website_id,
        event.event_name,
        day(event.identity_day),
        uuid_of(event.event_id),
    )


def rejected_entry(value: bytes | None) -> RejectedEntry | None:
    """The entry of a record of the rejected topic; None for one that is no message."""
    try:
        event = decode(RejectedEvent, value)
    except ContractError:
        return None
    return RejectedEntry(
        *_origin(event),
        event.stage if event.stage in _STAGES else Stage.STAGE_UNSPECIFIED,
        reason_name(event.reason),
        event.website_id,
        uuid_of(event.event_id),
        event.source_topic,
        event.source_partition,
        event.source_offset,
        event.source_index,
        minute_of(event.rejected_at_ms),
    )


def reason_name(number: int) -> str:
    """Short lower-case name of a reason, such as "undecodable"; its number where it is not known here."""
    name = RejectionReason.DESCRIPTOR.values_by_number.get(number)
    return name.name.removeprefix("REJECTION_REASON_").lower() if name else str(number)


def _origin(event: RejectedEvent) -> tuple[int, int, int]:
    """Where the event stood on the raw topic. The writer's rejections tell by the bytes that they hold."""
    if event.stage == Stage.STAGE_ENRICHER:
        return event.source_partition, event.source_offset, event.source_index
    try:
        enriched = EnrichedEvent.FromString(event.original)
    except DecodeError:
        return NOWHERE
    if not enriched.HasField("raw_position"):
        return NOWHERE
    raw = enriched.raw_position
    return raw.partition, raw.offset, raw.index
