"""Bytes on a topic become messages and back; what is no valid message is told apart here.

Delivery: at least once on every topic. Wire form: protobuf (proto/eventrail/v1), without a schema registry.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol, TypeVar

from google.protobuf.message import DecodeError, Message

from eventrail.contract.v1.enriched_pb2 import (
    EVENT_TYPE_CUSTOM,
    EVENT_TYPE_PAGEVIEW,
    EnrichedEvent,
    EventType,
)
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.errors import ContractError

M = TypeVar("M", bound=Message)

Header = tuple[str, bytes]

LATEST_MS = 253_402_300_799_999
"""Last millisecond of the year 9999, in Unix time: what RFC 3339 can still write."""

CONTENT_TYPE = b"application/protobuf"
ENRICHED_TYPE = b"io.eventrail.event.enriched.v1"
ENRICHED_SCHEMA = b"tag:eventrail.io,2026:eventrail.v1.EnrichedEvent"
"""CloudEvents wants an absolute URI without fragment (RFC 3986, 4.3); nothing is to be fetched there (RFC 4151)."""

TRACEPARENT_HEADER = "ce_traceparent"
"""Of events whose request is traced, the last header: CloudEvents' Distributed Tracing extension."""

_KINDS = (EVENT_TYPE_CUSTOM, EVENT_TYPE_PAGEVIEW)

_MILLISECONDS = tuple(f"{ms:03d}Z" for ms in range(1000))

_VERSION_HEADER: Header = ("ce_specversion", b"1.0")
_TYPE_HEADER: Header = ("ce_type", ENRICHED_TYPE)
_SCHEMA_HEADER: Header = ("ce_dataschema", ENRICHED_SCHEMA)
_CONTENT_HEADER: Header = ("content-type", CONTENT_TYPE)


def decode(kind: type[M], value: bytes | None) -> M:
    """`value` as a message of `kind`. Raises ContractError where it is none (or missing)."""
    if value is None:
        raise ContractError(f"the record has no value, but must hold a {kind.__name__}")
    message = kind()
    try:
        message.ParseFromString(value)
    except DecodeError:
        raise ContractError(f"{len(value)} bytes that are no {kind.__name__}") from None
    return message


def decode_raw(value: bytes | None) -> Sequence[RawEvent]:
    """The events of one record of the raw topic, at least one. Raises ContractError."""
    events = decode(RawEvents, value).events
    if not events:
        raise ContractError("a RawEvents without events", rule=True)
    return events


class RawFields(Protocol):
    """A RawEvent, or what was read of one."""

    @property
    def website_id(self) -> str: ...
    @property
    def event_id(self) -> str: ...
    @property
    def event_type(self) -> EventType.ValueType: ...
    @property
    def event_name(self) -> str: ...
    @property
    def timestamp_ms(self) -> int: ...
    @property
    def received_at_ms(self) -> int: ...


def check_raw(event: RawFields) -> None:
    """Raises ContractError where `event` breaks a rule of raw.proto that enrichment relies on."""
    if not event.website_id or len(event.event_id) != 36:
        raise ContractError("website_id or event_id is missing or malformed", rule=True)
    kind = event.event_type
    if kind not in _KINDS:
        raise ContractError(f"event_type {kind} is not known", rule=True)
    if not 0 < event.timestamp_ms <= LATEST_MS or not 0 < event.received_at_ms <= LATEST_MS:
        raise ContractError("timestamp_ms and received_at_ms must lie in the years 1970 to 9999", rule=True)
    if kind == EVENT_TYPE_CUSTOM and not event.event_name:
        raise ContractError("a custom event without event_name", rule=True)


def decode_enriched(value: bytes | None) -> EnrichedEvent:
    """One record of the enriched topic. Raises ContractError."""
    event = decode(EnrichedEvent, value)
    if not event.website_id or len(event.event_id) != 36:
        raise ContractError("website_id or event_id is missing or malformed", rule=True)
    return event


def enriched_key(event: EnrichedEvent) -> bytes:
    """Record key on the enriched topic: the visitor id, or the event id where there is none."""
    return key_of(event.visitor_id, event.event_id)


def key_of(visitor_id: str, event_id: str) -> bytes:
    """`enriched_key` of an event with these ids."""
    return (visitor_id or event_id).encode()


def enriched_headers(event: EnrichedEvent) -> list[Header]:
    """Headers of a record on the enriched topic.

    CloudEvents 1.0, Kafka protocol binding, binary content mode: `ce_source` and `ce_id` together
    are unique for an event, and equal in all its copies.
    """
    return headers_of(event.website_id, event.event_id, event.timestamp_ms)


def headers_of(website_id: str, event_id: str, timestamp_ms: int) -> list[Header]:
    """`enriched_headers` of an event with these facts."""
    return [
        _VERSION_HEADER,
        _TYPE_HEADER,
        _source(website_id),
        ("ce_id", event_id.encode()),
        ("ce_time", rfc3339(timestamp_ms).encode()),
        _SCHEMA_HEADER,
        _CONTENT_HEADER,
    ]


@lru_cache(maxsize=10_000)
def _source(website_id: str) -> Header:
    return "ce_source", f"/websites/{website_id}".encode()


def rfc3339(unix_ms: int) -> str:
    """Unix milliseconds as RFC 3339 text in UTC with milliseconds, e.g. 2026-02-01T10:00:00.000Z."""
    return _second(unix_ms // 1000) + _MILLISECONDS[unix_ms % 1000]


@lru_cache(maxsize=4096)
def _second(unix_second: int) -> str:
    # Events of the same seconds come together, and formatting a date costs ten times what is left.
    return f"{datetime.fromtimestamp(unix_second, UTC):%Y-%m-%dT%H:%M:%S}."
