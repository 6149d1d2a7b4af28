"""All that is known of one rejected event; its original bytes are decoded where that is possible."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from eventrail.errors import ContractError
from eventrail.rejected import listing, original
from eventrail.rejected.entry import Entry
from eventrail.rejected.listing import plain, summary

SHOWN_BYTES: Final = 4096
"""Of bytes that are no message, so many are shown."""

_PER_LINE: Final = 16


def raw_bytes(entry: Entry) -> bytes:
    """The original bytes; of a record that cannot be read, its whole value."""
    return entry.value if entry.event is None else entry.event.original


def as_json(entry: Entry) -> dict[str, Any]:
    """What `list --json` tells, and the original: `events` where it is a message, else `original_base64`."""
    told = listing.as_json(summary(entry))
    if entry.event is not None:
        told["original_key_base64"] = _base64(entry.event.original_key)
    events, fault = _events(entry)
    if events:
        return {**told, "events": events}
    return {**told, "fault": fault, "original_base64": _base64(raw_bytes(entry))}


def lines(entry: Entry) -> Iterator[str]:
    """The text for a person."""
    yield from _facts(entry)
    events, fault = _events(entry)
    yield ""
    if events:
        for number, event in enumerate(events):
            yield f"event {number + 1} of {len(events)}:" if len(events) > 1 else "event:"
            yield json.dumps(event, indent=2, ensure_ascii=True)
        return
    yield f"the original cannot be decoded: {plain(fault)}"
    yield from _dump(raw_bytes(entry))


def _facts(entry: Entry) -> Iterator[str]:
    facts = listing.as_json(summary(entry))
    source = facts.pop("source")
    place = f"{source['topic']} partition {source['partition']} offset {source['offset']}"
    facts["source"] = place + (f" index {source['index']}" if source["index"] >= 0 else "")
    if entry.event is not None and entry.event.original_key:
        facts["original_key"] = entry.event.original_key.decode("utf-8", "backslashreplace")
    width = max(map(len, facts))
    for name, value in facts.items():
        yield f"{name.ljust(width)}  {plain(str(value)) or '-'}"


def _events(entry: Entry) -> tuple[list[dict[str, Any]], str]:
    """The events in their JSON form, or none and why."""
    if entry.event is None:
        return [], "the record is no RejectedEvent"
    try:
        found = original.events(entry.event)
    except ContractError as error:
        return [], str(error)
    # No bytes at all are a message in which nothing is set.
    return ([], "it has no bytes") if not entry.event.original else (list(map(original.shown, found)), "")


def _dump(data: bytes) -> Iterator[str]:
    part = data[:SHOWN_BYTES]
    for begin in range(0, len(part), _PER_LINE):
        row = part[begin : begin + _PER_LINE]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{begin:08x}  {row.hex(' ').ljust(3 * _PER_LINE)} |{letters}|"
    if len(data) > len(part):
        yield f"({len(part):,} of {len(data):,} bytes; --raw writes all of them)"
        return
    yield f"base64: {_base64(data)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
