"""One line for each rejected event, for people and as JSON."""

from dataclasses import dataclass
from typing import Any, Final

from eventrail.rejected import times
from eventrail.rejected.entry import Address, Entry
from eventrail.rejected.names import reason_name, stage_name

UNREADABLE: Final = "unreadable"
"""Stands for the stage of a record that is no RejectedEvent."""

_HEADS: Final = ("ADDRESS", "REJECTED AT", "STAGE", "REASON", "WEBSITE", "EVENT ID", "DETAIL")
_WIDTHS: Final = (10, 24, 10, 17, 16, 36, 0)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list tells of an entry; it does not hold the original bytes."""

    address: Address
    at_ms: int
    stage: str
    reason: str
    website_id: str
    event_id: str
    detail: str
    source: tuple[str, int, int, int]
    original_bytes: int
    software_version: str


def summary(entry: Entry) -> Summary:
    event = entry.event
    if event is None:
        detail = f"{len(entry.value)} bytes that are no RejectedEvent"
        nowhere = ("", -1, -1, -1)
        return Summary(
            entry.address, entry.at_ms, UNREADABLE, "", "", "", detail, nowhere, len(entry.value), ""
        )
    return Summary(
        entry.address,
        entry.at_ms,
        stage_name(event.stage),
        reason_name(event.reason),
        event.website_id,
        event.event_id,
        event.detail,
        (event.source_topic, event.source_partition, event.source_offset, event.source_index),
        len(event.original),
        event.software_version,
    )


def plain(text: str) -> str:
    """`text` without what a terminal would obey: whatever is not printable is written as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def head() -> str:
    """The line above the others."""
    return _line(_HEADS)


def line(told: Summary) -> str:
    """One line of the table."""
    values = (told.stage, told.reason, told.website_id, told.event_id, told.detail)
    return _line((str(told.address), times.text(told.at_ms), *(plain(value) or "-" for value in values)))


def _line(values: tuple[str, ...]) -> str:
    return "  ".join(value.ljust(width) for value, width in zip(values, _WIDTHS, strict=True)).rstrip()


def as_json(told: Summary) -> dict[str, Any]:
    """One object of the NDJSON form."""
    topic, partition, offset, index = told.source
    return {
        "address": str(told.address),
        "rejected_at": times.text(told.at_ms),
        "stage": told.stage,
        "reason": told.reason,
        "detail": told.detail,
        "website_id": told.website_id,
        "event_id": told.event_id,
        "source": {"topic": topic, "partition": partition, "offset": offset, "index": index},
        "original_bytes": told.original_bytes,
        "software_version": told.software_version,
    }
