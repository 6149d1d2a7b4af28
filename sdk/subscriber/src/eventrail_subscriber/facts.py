"""What an event says, in Python's types."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, NoReturn

from eventrail_subscriber.faults import Fault, NotAnEvent, Rule
from eventrail_subscriber.v1.enriched_pb2 import EnrichedEvent

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Identity(NamedTuple):
    """What all copies of an event have in common, and no two events."""

    website_id: str
    event_name: str
    identity_day: int
    event_id: str


def identity(event: EnrichedEvent) -> Identity:
    """By which copies of `event` are told."""
    return Identity(event.website_id, event.event_name, event.identity_day, event.event_id)


def happened_at(event: EnrichedEvent) -> datetime:
    """When it happened, in UTC, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=event.timestamp_ms)


def accepted_at(event: EnrichedEvent) -> datetime:
    """When the collector accepted it, in UTC, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=event.received_at_ms)


def properties(event: EnrichedEvent) -> dict[str, Any]:
    """The event's properties, empty when there are none. Raises NotAnEvent where `event_data` is no JSON object."""
    if not event.event_data:
        return {}
    try:
        found = json.loads(event.event_data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        fault = Fault(Rule.FIELDS, "event_data is not the text of a JSON object")
        raise NotAnEvent(fault, f"event {event.event_id} of {event.website_id}")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
