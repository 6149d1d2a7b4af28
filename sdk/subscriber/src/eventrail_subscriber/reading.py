"""A record of the topic becomes an event, or what is wrong with it."""

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from eventrail_subscriber import fields, headers
from eventrail_subscriber.faults import Fault, NotAnEvent, OtherType, Rule
from eventrail_subscriber.headers import Headers
from eventrail_subscriber.v1.enriched_pb2 import EnrichedEvent

TOPIC: Final = "eventrail.enriched.v1"
"""Name of the topic."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a record holds (None where it is no message at all) and every rule that it breaks."""

    event: EnrichedEvent | None
    faults: tuple[Fault, ...]


def read(
    key: bytes | None, value: bytes | None, headers: Headers, *, where: str = "a record"
) -> EnrichedEvent:
    """The event of one record, as its key, value and headers were received.

    Its fields are those of proto/eventrail/v1/enriched.proto; fields and values of enums that only a later v1 knows
    are kept. `where` names the record in errors, such as `topic/partition:offset`.

    Raises OtherType where the record is of a type to pass over, and NotAnEvent where it breaks the contract.
    """
    found = inspect(key, value, headers)
    if found.event is None or found.faults:
        fault = found.faults[0]
        raise (OtherType if fault.rule is Rule.TYPE else NotAnEvent)(fault, where)
    return found.event


def inspect(key: bytes | None, value: bytes | None, received: Headers) -> Inspection:
    """`read` for who wants to know all that is wrong. It raises nothing."""
    given = headers.pairs(received)
    if other := headers.other_type(given):
        return Inspection(None, (other,))
    event = EnrichedEvent()
    complaint = _parsed(event, value)
    if complaint:
        return Inspection(None, (Fault(Rule.VALUE, complaint),))
    return Inspection(event, (*fields.faults(event), *_key(key, event), *headers.faults(given, event)))


def key_of(event: EnrichedEvent) -> bytes:
    """The key that a record of `event` has."""
    return (event.visitor_id or event.event_id).encode()


def _parsed(event: EnrichedEvent, value: bytes | None) -> str:
    """What is wrong with `value`, nothing where it is in `event` now."""
    if value is None:
        return "the record has no value, but must hold an EnrichedEvent"
    try:
        event.ParseFromString(value)
    except DecodeError:
        return f"its {len(value):,} bytes are no EnrichedEvent"
    return ""


def _key(key: bytes | None, event: EnrichedEvent) -> tuple[Fault, ...]:
    if key == key_of(event):
        return ()
    named = "visitor_id" if event.visitor_id else "event_id, as there is no visitor_id"
    return (Fault(Rule.KEY, f"{'the key is not' if key else 'it has no key, but must have'} its {named}"),)
