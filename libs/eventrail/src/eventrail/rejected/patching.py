"""A JSON Merge Patch (RFC 7396) mends an event, and never makes another event of it."""

import copy
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import ParseDict, ParseError

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.errors import ConfigurationError, EventrailError
from eventrail.rejected.identity import settled
from eventrail.rejected.original import SEALED, Event, json_form

Json = dict[str, Any]
E = TypeVar("E", bound=Event)

_POSITION: Final = "raw_position"


class PatchRefused(EventrailError):
    """This patch cannot be laid on this event; the message says why."""


class IdentityChange(PatchRefused):
    """The patch would make another event of it."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What to change, and the SHA-256 of the file in hexadecimal, which goes into the audit."""

    changes: Json
    digest: str


def parse_patch(data: bytes, name: str) -> Patch:
    """The patch in the file `name` with the content `data`.

    Raises ConfigurationError where it is no JSON object, or fits neither a RawEvent nor an EnrichedEvent.
    """
    try:
        changes = json.loads(data.decode("utf-8"), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"--patch {name}: no JSON text in UTF-8: {error}") from None
    if not isinstance(changes, dict) or not changes:
        raise ConfigurationError(f"--patch {name}: expected a JSON object with at least one field")
    faults = [unknown_field(changes, kind.DESCRIPTOR) for kind in (RawEvent, EnrichedEvent)]
    if all(faults):
        raise ConfigurationError(f"--patch {name}: {'; '.join(fault for fault in faults if fault)}")
    return Patch(changes, sha256(data).hexdigest())


def _without_twins(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def unknown_field(changes: Json, kind: Descriptor) -> str:
    """What `changes` names that `kind` does not have; empty where all is known."""
    for name, value in changes.items():
        field = kind.fields_by_name.get(name)
        if field is None:
            return f"{kind.name} has no field {name!r} (it has: {', '.join(kind.fields_by_name)})"
        if isinstance(value, dict) and field.message_type is not None:
            inner = unknown_field(value, field.message_type)
            if inner:
                return inner
    return ""


def merge(target: Any, patch: Any) -> Any:
    """MergePatch of RFC 7396, section 2; neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def patched(event: E, patch: Patch) -> E:
    """A new event: `event` with `patch` laid on it. Raises PatchRefused or IdentityChange."""
    unknown = unknown_field(patch.changes, event.DESCRIPTOR)
    if unknown:
        raise PatchRefused(unknown)
    _refuse_unknown_bytes(event)
    _refuse_foreign_address(patch.changes)
    made = type(event)()
    try:
        ParseDict(merge(json_form(event), patch.changes), made)
    except (ParseError, ValueError, TypeError) as error:
        raise PatchRefused(f"the patched event is no {event.DESCRIPTOR.name}: {error}") from None
    _refuse_another_event(event, made)
    return made


def _refuse_unknown_bytes(event: Event) -> None:
    known = copy.deepcopy(event)
    known.DiscardUnknownFields()
    if known.ByteSize() != event.ByteSize():
        raise PatchRefused("it holds fields that this version does not know, and a patch would lose them")


def _refuse_foreign_address(changes: Json) -> None:
    if changes.get(SEALED) is not None:
        raise PatchRefused(f"{SEALED} is encrypted; a patch can only remove it (null)")


def _refuse_another_event(before: Event, after: Event) -> None:
    for name in settled(before):
        was, would_be = getattr(before, name), getattr(after, name)
        if was != would_be:
            raise IdentityChange(f"{name} is {was!r} and belongs to the event's identity; it stays as it is")
    if isinstance(before, EnrichedEvent) and getattr(before, _POSITION) != getattr(after, _POSITION):
        raise IdentityChange(f"{_POSITION} tells where the event came from; it stays as it is")
