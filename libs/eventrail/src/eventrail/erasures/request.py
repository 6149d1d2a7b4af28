"""One erasure: as a value, as a message of the topic, and which events it covers. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from eventrail.contract.codec import CONTENT_TYPE, LATEST_MS, Header, decode
from eventrail.contract.names import is_website_id
from eventrail.contract.v1.erasure_pb2 import Erasure as Message
from eventrail.errors import ContractError

MOST_IDS: Final = 1_000
"""Visitor ids, and also event ids, of one request."""

VISITOR_ID_MAX_BYTES: Final = 64
CLOCKS_APART_MS: Final = 3_600_000
"""So far ahead of the query API's clock a collector's may be; within it, positions on the raw topic decide too."""

ERASURE_TYPE: Final = b"io.eventrail.erasure.requested.v1"
ERASURE_SCHEMA: Final = b"tag:eventrail.io,2026:eventrail.v1.Erasure"

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Cover:
    """Which events of a visitor are meant; `raw_ends` are offsets by raw partition."""

    erasure_id: UUID
    until_ms: int
    raw_ends: Mapping[int, int]

    def covers(self, received_at_ms: int, raw_partition: int, raw_offset: int) -> bool:
        """Whether an event of the visitor that was accepted then, and stood there, is to be erased."""
        if received_at_ms <= self.until_ms:
            return True
        near = received_at_ms <= self.until_ms + CLOCKS_APART_MS
        return near and raw_offset < self.raw_ends.get(raw_partition, 0)


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request; at least one id, at most MOST_IDS of each kind. Times are Unix milliseconds."""

    erasure_id: UUID
    website_id: str
    requested_at_ms: int
    covers_until_ms: int
    visitor_ids: tuple[str, ...] = ()
    event_ids: tuple[UUID, ...] = ()
    raw_ends: Mapping[int, int] = field(default_factory=dict)

    @property
    def cover(self) -> Cover:
        """What it means for its visitors."""
        return Cover(self.erasure_id, self.covers_until_ms, self.raw_ends)

    def encoded(self) -> bytes:
        """The value of its record."""
        return Message(
            erasure_id=str(self.erasure_id),
            website_id=self.website_id,
            requested_at_ms=self.requested_at_ms,
            covers_until_ms=self.covers_until_ms,
            visitor_ids=self.visitor_ids,
            event_ids=[str(event_id) for event_id in self.event_ids],
            raw_ends=self.raw_ends,
        ).SerializeToString(deterministic=True)

    def headers(self) -> list[Header]:
        """CloudEvents 1.0, Kafka protocol binding, binary content mode."""
        return [
            ("ce_specversion", b"1.0"),
            ("ce_type", ERASURE_TYPE),
            ("ce_source", f"/websites/{self.website_id}".encode()),
            ("ce_id", str(self.erasure_id).encode()),
            ("ce_dataschema", ERASURE_SCHEMA),
            ("content-type", CONTENT_TYPE),
        ]


def decoded(value: bytes | None) -> Erasure:
    """The request in a record of the topic. Raises ContractError."""
    message = decode(Message, value)
    if not is_website_id(message.website_id):
        raise ContractError("website_id is missing or malformed", rule=True)
    requested_at = _moment(message.requested_at_ms, "requested_at_ms")
    until = _moment(message.covers_until_ms or requested_at, "covers_until_ms")
    return Erasure(
        _uuid(message.erasure_id, "erasure_id"),
        message.website_id,
        requested_at,
        until,
        tuple(_visitor(text) for text in message.visitor_ids),
        tuple(_uuid(text, "event_ids") for text in message.event_ids),
        dict(message.raw_ends),
    )


def _moment(unix_ms: int, field_name: str) -> int:
    if not 0 < unix_ms <= LATEST_MS:
        raise ContractError(f"{field_name} must lie in the years 1970 to 9999", rule=True)
    return unix_ms


def _uuid(text: str, field_name: str) -> UUID:
    if _UUID.fullmatch(text) is None:
        raise ContractError(f"{field_name} is no UUID in lower-case text form", rule=True)
    return UUID(text)


def _visitor(text: str) -> str:
    if not 0 < len(text.encode()) <= VISITOR_ID_MAX_BYTES:
        raise ContractError(f"a visitor id must have 1 to {VISITOR_ID_MAX_BYTES} bytes", rule=True)
    return text
