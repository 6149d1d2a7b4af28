"""Records for a subscriber's own tests, as the enricher would publish them, without a broker."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from eventrail_subscriber import headers
from eventrail_subscriber.reading import TOPIC, inspect, key_of
from eventrail_subscriber.v1.enriched_pb2 import (
    EVENT_TYPE_CUSTOM,
    EVENT_TYPE_PAGEVIEW,
    VISITOR_SOURCE_CLIENT,
    VISITOR_SOURCE_HASH,
    VISITOR_SOURCE_NONE,
    EnrichedEvent,
    Enrichment,
    Page,
    RawPosition,
)

START_MS: Final = 1_780_056_000_000
"""When a FakeTopic begins unless it is told otherwise: 2026-05-29T12:00:00Z in Unix milliseconds."""

HASHED_VISITOR: Final = "5f6e9a0c1d2b4738a1f0e3d4c5b6a798"
"""The visitor id of events whose client sent none."""

_PAUSE_MS: Final = 30 * 60_000
_DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """A record by the names that aiokafka and kafka-python give its parts; `timestamp` in Unix milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(slots=True)
class _Session:
    identity: str
    started_ms: int
    last_ms: int


class FakeTopic:
    """One partition of the enriched topic in memory: what was published stands in `records`.

    The same calls give the same records: ids count up, and each event happens a second after the one before it,
    from `start_ms` (Unix milliseconds) on. Visitors have sessions that end after 30 minutes without an event.
    """

    def __init__(self, *, partition: int = 0, start_ms: int = START_MS) -> None:
        self.records: list[Record] = []
        self._partition = partition
        self._now_ms = start_ms
        self._events = 0
        self._sessions: dict[tuple[str, str], _Session] = {}

    def publish(
        self,
        event_name: str = "",
        event_data: Mapping[str, Any] | str = "",
        *,
        website_id: str = "shop",
        visitor_id: str | None = None,
        url: str = "",
        timestamp: datetime | None = None,
        **facts: Any,
    ) -> Record:
        """Publish an event and return its record; without a name it is a page view.

        `visitor_id` is what the client sent: None gives HASHED_VISITOR, "" gives an event of nobody. `timestamp`
        needs a time zone. `facts` are further fields of EnrichedEvent, or other values of those above that follow:
        `geo={"country": "DE"}`, `event_id=...`, `received_at_ms=...`. Raises ValueError where there is no such field,
        or where they make no event that the enricher could publish; for a broken record change one with
        `dataclasses.replace`.
        """
        happened_ms = self._tick() if timestamp is None else _unix_ms(timestamp)
        visitor = HASHED_VISITOR if visitor_id is None else visitor_id
        event = EnrichedEvent(
            **{
                "website_id": website_id,
                "event_id": _event_id(happened_ms, self._events),
                "event_type": EVENT_TYPE_CUSTOM if event_name else EVENT_TYPE_PAGEVIEW,
                "event_name": event_name,
                "timestamp_ms": happened_ms,
                "received_at_ms": happened_ms,
                "identity_day": happened_ms // _DAY_MS,
                "event_data": event_data if isinstance(event_data, str) else _json(event_data),
                "page": _page(url),
                "visitor_id": visitor,
                **self._session(website_id, visitor, happened_ms),
                "raw_position": RawPosition(offset=self._events),
                "enrichment": Enrichment(rules_version=3, agent_rules="fake 1"),
                "channel": "Direct",
                "visitor_source": _source(visitor_id),
                **facts,
            }
        )
        self._events += 1
        return self._append(event)

    def publish_again(self, record: Record) -> Record:
        """A copy, as after a crash of the enricher: the same bytes at the next offset."""
        copy = replace(record, partition=self._partition, offset=len(self.records))
        self.records.append(copy)
        return copy

    def _tick(self) -> int:
        self._now_ms += 1000
        return self._now_ms

    def _session(self, website_id: str, visitor: str, at_ms: int) -> dict[str, Any]:
        if not visitor:
            return {}
        known = self._sessions.get((website_id, visitor))
        if known is None or abs(at_ms - known.last_ms) > _PAUSE_MS:
            known = _Session(_session_id(at_ms, len(self._sessions)), at_ms, at_ms)
            self._sessions[website_id, visitor] = known
        known.last_ms = max(known.last_ms, at_ms)
        return {"session_id": known.identity, "session_started_at_ms": known.started_ms}

    def _append(self, event: EnrichedEvent) -> Record:
        offset = len(self.records)
        key, value, made = key_of(event), event.SerializeToString(deterministic=True), headers.of(event)
        if found := inspect(key, value, made).faults:
            raise ValueError(f"these arguments make no event: {found[0].what}")
        record = Record(TOPIC, self._partition, offset, event.received_at_ms, key, value, tuple(made))
        self.records.append(record)
        return record


def _unix_ms(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"timestamp {moment} needs a time zone, such as tzinfo=UTC")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _json(properties: Mapping[str, Any]) -> str:
    return json.dumps(dict(properties), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _page(url: str) -> Page | None:
    if not url:
        return None
    parts = urlsplit(url)
    return Page(url=url, host=parts.hostname or "", path=parts.path or "/", query=parts.query)


def _source(visitor_id: str | None) -> int:
    if visitor_id is None:
        return VISITOR_SOURCE_HASH
    return VISITOR_SOURCE_CLIENT if visitor_id else VISITOR_SOURCE_NONE


def _event_id(at_ms: int, number: int) -> str:
    """A UUID of version 7, as the collector makes them where a client sends none."""
    return _uuid(at_ms, 7, number)


def _session_id(at_ms: int, number: int) -> str:
    """A UUID of version 8 that begins with the session's start."""
    return _uuid(at_ms, 8, number)


def _uuid(at_ms: int, version: int, number: int) -> str:
    text = f"{at_ms:012x}{version}000{0x8000:04x}{number:012x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
