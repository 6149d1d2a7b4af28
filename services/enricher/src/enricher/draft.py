"""The workbench of one event: what came in, what is known so far, what goes out."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from enricher.enrichments.url import UrlParts
from enricher.lookups.agents import AgentFacts
from enricher.lookups.visitors import Visitor
from eventrail.contract.v1.enriched_pb2 import (
    VISITOR_SOURCE_UNSPECIFIED,
    Campaign,
    EventType,
    Referrer,
    VisitorSource,
)
from eventrail.contract.v1.raw_pb2 import RawEvent


@dataclass(slots=True)
class Raw:
    """The raw event, each field of it read once: to ask a message costs ten times as much.

    Its parts (screen, campaign, client hints, address) are to be had from `message`.
    """

    message: RawEvent
    website_id: str
    event_id: str
    event_type: EventType.ValueType
    event_name: str
    timestamp_ms: int
    received_at_ms: int
    identity_day: int
    event_data: str
    url: str
    referrer: str
    visitor_id: str
    user_agent: str
    language: str
    without_visitor: bool
    traceparent: str


_fields: Final = attrgetter(*(name for name in Raw.__slots__ if name != "message"))


def read(message: RawEvent) -> Raw:
    """The fields of `message`."""
    return Raw(message, *_fields(message))


@dataclass(slots=True)
class Draft:
    """One event between two steps. It lives for one call of `enrich`; each step writes only its own facts.

    Facts have the names of EnrichedEvent's fields; those in bytes, also `position`, are fragments (fragments.py). What
    the raw event says leaves as it is. What stands at the end are notes for later steps, which leave with nobody;
    `address` is packed: 4 or 16 bytes.
    """

    raw: Raw
    position: bytes
    page: UrlParts | None = None
    visitor_id: str = ""
    visitor_source: VisitorSource.ValueType = VISITOR_SOURCE_UNSPECIFIED
    session: bytes = b""
    geo: bytes = b""
    agent: bytes = b""
    referrer: Referrer | None = None
    campaign: Campaign | None = None
    enrichment: bytes = b""
    bot: bytes = b""
    channel: str = ""
    address: bytes | None = None
    client: AgentFacts | None = None
    visitor: Visitor | None = None
    session_campaign: bytes = b""
