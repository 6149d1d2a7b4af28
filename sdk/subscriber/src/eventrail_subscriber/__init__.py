"""Reads Eventrail's enriched topic; docs/subscribe.md has the contract, the README of the package shows how."""

from eventrail_subscriber.facts import Identity, accepted_at, happened_at, identity, properties
from eventrail_subscriber.faults import Fault, NotAnEvent, OtherType, Rule
from eventrail_subscriber.reading import TOPIC, Inspection, inspect, read
from eventrail_subscriber.recent import RecentEvents
from eventrail_subscriber.v1.enriched_pb2 import (
    EVENT_TYPE_CUSTOM,
    EVENT_TYPE_PAGEVIEW,
    EnrichedEvent,
    EventType,
)

__all__ = [
    "EVENT_TYPE_CUSTOM",
    "EVENT_TYPE_PAGEVIEW",
    "TOPIC",
    "EnrichedEvent",
    "EventType",
    "Fault",
    "Identity",
    "Inspection",
    "NotAnEvent",
    "OtherType",
    "RecentEvents",
    "Rule",
    "accepted_at",
    "happened_at",
    "identity",
    "inspect",
    "properties",
    "read",
]
