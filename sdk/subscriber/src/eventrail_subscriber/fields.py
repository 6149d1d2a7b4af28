"""What enriched.proto says of the fields beyond their types, as far as a later v1 will keep it too."""

import re
from collections.abc import Iterator
from typing import Final

from eventrail_subscriber.faults import Fault, Rule
from eventrail_subscriber.headers import LATEST_MS
from eventrail_subscriber.v1.enriched_pb2 import (
    EVENT_TYPE_CUSTOM,
    EVENT_TYPE_PAGEVIEW,
    EVENT_TYPE_UNSPECIFIED,
    VISITOR_SOURCE_UNSPECIFIED,
    EnrichedEvent,
)

EVENT_DATA_BYTES: Final = 4096
NAME_CHARACTERS: Final = 255

_WEBSITE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def faults(event: EnrichedEvent) -> Iterator[Fault]:
    """Each sentence of enriched.proto that `event` does not keep; what a later v1 may add is fine."""
    for complaint in (
        *_identity(event),
        *_name(event),
        *_times(event),
        *_visit(event),
        *_origin(event),
    ):
        yield Fault(Rule.FIELDS, complaint)


def _identity(event: EnrichedEvent) -> Iterator[str]:
    if not _WEBSITE_ID.fullmatch(event.website_id):
        yield "website_id is not 1 to 64 characters of A-Z a-z 0-9 . _ -"
    if not _UUID.fullmatch(event.event_id):
        yield "event_id is no UUID in lower-case text form"


def _name(event: EnrichedEvent) -> Iterator[str]:
    if event.event_type == EVENT_TYPE_UNSPECIFIED:
        yield "event_type is not set"
    if event.event_type == EVENT_TYPE_CUSTOM and not 1 <= len(event.event_name) <= NAME_CHARACTERS:
        yield f"the event_name of a custom event has {len(event.event_name)} characters, and not 1 to {NAME_CHARACTERS}"
    if event.event_type == EVENT_TYPE_PAGEVIEW and event.event_name:
        yield "a page view has an event_name"
    if len(event.event_data.encode()) > EVENT_DATA_BYTES:
        yield f"event_data is longer than {EVENT_DATA_BYTES:,} bytes"


def _times(event: EnrichedEvent) -> Iterator[str]:
    for name, unix_ms in (("timestamp_ms", event.timestamp_ms), ("received_at_ms", event.received_at_ms)):
        if not 0 < unix_ms <= LATEST_MS:
            yield f"{name} does not lie in the years 1970 to 9999"


def _visit(event: EnrichedEvent) -> Iterator[str]:
    if bool(event.visitor_id) != bool(event.session_id):
        yield "visitor_id and session_id are not both set or both empty"
    if event.session_id and not _UUID.fullmatch(event.session_id):
        yield "session_id is no UUID in lower-case text form"
    if bool(event.session_id) != (event.session_started_at_ms > 0):
        yield "session_id and session_started_at_ms are not both set or both empty"


def _origin(event: EnrichedEvent) -> Iterator[str]:
    if not event.HasField("raw_position"):
        yield "raw_position is not set"
    rules = event.enrichment.rules_version
    if not rules:
        yield "enrichment.rules_version is not set"
    if rules >= 2 and not event.channel:
        yield "channel is not set"
    if rules >= 2 and event.visitor_source == VISITOR_SOURCE_UNSPECIFIED:
        yield "visitor_source is not set"
