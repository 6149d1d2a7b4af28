"""Rejected events for the tests, and records of the topic without a topic."""

from collections.abc import AsyncGenerator, Sequence
from ipaddress import ip_address
from typing import Any

from eventrail.checkpoints import Span
from eventrail.contract.topics import ENRICHED, RAW
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.rejected.entry import Address, Entry, entry
from eventrail.sealing import AddressSealer

NOON = 1_780_056_000_000  # 2026-05-29T12:00:00Z
ID = "0190163d-8694-739b-aea5-966c26f8ad91"
KEY = b"rejected tests: 32 bytes of key."
SEALER = AddressSealer({"t1": KEY})


def raw(**fields: Any) -> RawEvent:
    """A valid raw event with a sealed address; `fields` replace what it has."""
    facts: dict[str, Any] = {
        "website_id": "shop",
        "event_id": ID,
        "event_type": EventType.EVENT_TYPE_CUSTOM,
        "event_name": "purchase",
        "timestamp_ms": NOON - 1_000,
        "received_at_ms": NOON,
        "identity_day": NOON // 86_400_000,
        "url": "https://shop.example/cart",
        "client_address": SEALER.seal(ip_address("192.0.2.7")),
    }
    return RawEvent(**(facts | fields))


def enriched(**fields: Any) -> EnrichedEvent:
    """A valid enriched event; `fields` replace what it has."""
    facts: dict[str, Any] = {
        "website_id": "shop",
        "event_id": ID,
        "event_type": EventType.EVENT_TYPE_CUSTOM,
        "event_name": "purchase",
        "timestamp_ms": NOON - 1_000,
        "received_at_ms": NOON,
        "identity_day": NOON // 86_400_000,
        "visitor_id": "v1",
        "raw_position": RawPosition(partition=3, offset=70, index=1),
    }
    return EnrichedEvent(**(facts | fields))


def by_enricher(event: RawEvent | RawEvents | bytes, **fields: Any) -> RejectedEvent:
    """A raw event of a chunk that the enricher refused; a whole chunk where `event` is one, or is bytes."""
    is_event = isinstance(event, RawEvent)
    facts: dict[str, Any] = {
        "stage": Stage.STAGE_ENRICHER,
        "reason": RejectionReason.REJECTION_REASON_INVALID,
        "detail": "a custom event without event_name",
        "rejected_at_ms": NOON + 5,
        "source_topic": RAW.name,
        "source_partition": 3,
        "source_offset": 70,
        "source_index": 1 if is_event else -1,
        "website_id": event.website_id if isinstance(event, RawEvent) else "",
        "event_id": event.event_id if isinstance(event, RawEvent) else "",
        "original": event if isinstance(event, bytes) else event.SerializeToString(),
        "software_version": "0.1.0",
    }
    return RejectedEvent(**(facts | fields))


def by_writer(event: EnrichedEvent | bytes, **fields: Any) -> RejectedEvent:
    """A record of the enriched topic that the writer refused."""
    facts: dict[str, Any] = {
        "stage": Stage.STAGE_WRITER,
        "reason": RejectionReason.REJECTION_REASON_INSERT_REFUSED,
        "detail": "ClickHouse refuses with code 469 VIOLATED_CONSTRAINT",
        "rejected_at_ms": NOON + 9,
        "source_topic": ENRICHED.name,
        "source_partition": 5,
        "source_offset": 900,
        "source_index": -1,
        "website_id": event.website_id if isinstance(event, EnrichedEvent) else "",
        "event_id": event.event_id if isinstance(event, EnrichedEvent) else "",
        "original": event if isinstance(event, bytes) else event.SerializeToString(),
        "original_key": b"v1",
        "software_version": "0.1.0",
    }
    return RejectedEvent(**(facts | fields))


def record(rejected: RejectedEvent | bytes, partition: int = 0, offset: int = 0) -> Entry:
    """The entry of a record with this value."""
    value = rejected if isinstance(rejected, bytes) else rejected.SerializeToString()
    return entry(Address(partition, offset), value, NOON + 10)


class Shelf:
    """Records in memory: partition by partition, offsets from 0; it counts what was read."""

    def __init__(self, partitions: Sequence[Sequence[RejectedEvent | bytes]]) -> None:
        self.entries = [
            [record(value, partition, offset) for offset, value in enumerate(values)]
            for partition, values in enumerate(partitions)
        ]
        self.were_read = 0

    @property
    def spans(self) -> dict[int, Span]:
        return {partition: Span(0, len(found)) for partition, found in enumerate(self.entries)}

    async def read(self, partition: int, span: Span) -> AsyncGenerator[Entry]:
        for found in self.entries[partition][span.begin : span.end]:
            self.were_read += 1
            yield found
