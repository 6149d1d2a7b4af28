"""What cannot be enriched becomes a RejectedEvent with its reason and its original bytes."""

from dataclasses import dataclass

from eventrail import __version__
from eventrail.contract.topics import RAW
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.kafka.records import MAX_BATCH_BYTES, Record

_DETAIL_CHARACTERS = 1024
_ORIGINAL_BYTES = MAX_BATCH_BYTES - 8 * 1024
"""Room for the other fields beside the original bytes in a record of the largest size."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the refused bytes stood on the raw topic; `index` is -1 for a whole record."""

    partition: int
    offset: int
    index: int = -1


def record_rejected(
    value: bytes | None,
    key: bytes | None,
    reason: RejectionReason.ValueType,
    origin: Origin,
    detail: str,
    now_ms: int,
) -> Record:
    """The rejection of a whole record; its original bytes are the record's value."""
    return _record(
        RejectedEvent(reason=reason, original_key=key or b""), origin, detail, value or b"", now_ms
    )


def event_rejected(
    event: RawEvent, reason: RejectionReason.ValueType, origin: Origin, detail: str, now_ms: int
) -> Record:
    """The rejection of one event of a chunk; its original bytes are the one RawEvent."""
    rejected = RejectedEvent(reason=reason, website_id=event.website_id, event_id=event.event_id)
    return _record(rejected, origin, detail, event.SerializeToString(deterministic=True), now_ms)


def _record(rejected: RejectedEvent, origin: Origin, detail: str, original: bytes, now_ms: int) -> Record:
    if len(original) > _ORIGINAL_BYTES:
        detail = f"(first {_ORIGINAL_BYTES} of {len(original)} bytes are kept) {detail}"
    rejected.stage = Stage.STAGE_ENRICHER
    rejected.detail = detail[:_DETAIL_CHARACTERS]
    rejected.rejected_at_ms = now_ms
    rejected.source_topic = RAW.name
    rejected.source_partition = origin.partition
    rejected.source_offset = origin.offset
    rejected.source_index = origin.index
    rejected.original = original[:_ORIGINAL_BYTES]
    rejected.software_version = __version__
    key = rejected.website_id.encode() or None
    return Record(rejected.SerializeToString(), key=key, timestamp_ms=now_ms)
