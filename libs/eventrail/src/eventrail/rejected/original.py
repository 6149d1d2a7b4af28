"""The original bytes of a rejected event, read as the messages that they were meant to be."""

from typing import Any, Final, TypeAlias

from google.protobuf.json_format import MessageToDict

from eventrail.contract.codec import decode, decode_raw
from eventrail.contract.topics import ENRICHED, RAW
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from eventrail.errors import ContractError

Event: TypeAlias = RawEvent | EnrichedEvent

SEALED: Final = "client_address"
"""Field of a RawEvent that is encrypted."""

_CUT: Final = ("bytes are kept)", "bytes do not fit here")
"""What the services write into the detail where the original did not fit into the record."""


def is_whole(rejected: RejectedEvent) -> bool:
    """Whether the original bytes are all there."""
    return bool(rejected.original) and not any(words in rejected.detail for words in _CUT)


def events(rejected: RejectedEvent) -> list[Event]:
    """The events in the original bytes, at least one. Raises ContractError.

    The source topic tells what they are: one EnrichedEvent, one RawEvent of a chunk, or a whole chunk.
    """
    if rejected.source_topic == ENRICHED.name:
        return [decode(EnrichedEvent, rejected.original)]
    if rejected.source_topic != RAW.name:
        raise ContractError(f"this version does not know what stands on topic {rejected.source_topic!r}")
    if rejected.source_index >= 0:
        return [decode(RawEvent, rejected.original)]
    return list(decode_raw(rejected.original))


def json_form(event: Event) -> dict[str, Any]:
    """Protobuf JSON of an event with the field names of the .proto files; only what is set is in it."""
    form: dict[str, Any] = MessageToDict(event, preserving_proto_field_name=True)
    return form


def shown(event: Event) -> dict[str, Any]:
    """The JSON form for people: a client address is told to be there, and by which key it is sealed."""
    form = json_form(event)
    if SEALED in form:
        form[SEALED] = f"(sealed with key {form[SEALED].get('key_id', '')})"
    return form
