"""What the reports of the spools say: told from offsets alone, pure.

A spool's report names the offset of its last report that was acknowledged before this one was made. So a report that
names an offset at or behind E was made after the topic had ended at E. Where it says "empty", all events that were
answered from disk before that question had left the spool, and Kafka had acknowledged them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from eventrail.contract.codec import decode
from eventrail.contract.v1.spools_pb2 import SpoolReport
from eventrail.errors import ContractError

NOTHING: Final = -1
"""Stands for an offset where there is none."""


@dataclass(frozen=True, slots=True)
class Spool:
    """A registered spool, as of its last report.

    `events` is None where that report cannot be read. `reported_ms` is when the broker took it, Unix milliseconds,
    for people alone. `empty_after` is the highest offset of which it is known that the spool was empty after it.
    """

    id: str
    host: str = ""
    events: int | None = None
    reported_ms: int = 0
    empty_after: int = NOTHING

    def was_empty_after(self, end: int) -> bool:
        """Whether it was empty at a moment after the topic had ended at `end`."""
        return self.empty_after >= end


@dataclass
class Spools:
    """All registered spools; give it the records of the topic in their order."""

    _known: dict[str, Spool] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Spool]:
        return iter(self._known.values())

    def __len__(self) -> int:
        return len(self._known)

    def take(self, offset: int, key: bytes | None, value: bytes | None, timestamp_ms: int) -> None:
        """One record. Without a value it takes a registration back; without a key it says nothing."""
        if key is None:
            return
        name = key.decode(errors="replace")
        if value is None:
            self._known.pop(name, None)
            return
        before = self._known.get(name, Spool(name))
        self._known[name] = _after(replace(before, reported_ms=timestamp_ms), offset, value)

    def holding(self, end: int) -> list[Spool]:
        """Those that were not empty yet at any moment after the topic had ended at `end`, as far as is known."""
        return [spool for spool in self if not spool.was_empty_after(end)]


def _after(spool: Spool, offset: int, value: bytes) -> Spool:
    try:
        report = decode(SpoolReport, value)
    except ContractError:
        # Of a newer collector, perhaps. It has a spool, and whether that is empty cannot be told.
        return replace(spool, events=None)
    told = replace(spool, host=report.host, events=report.events)
    # An offset that is not before the report's own is one of a topic that was created anew since.
    if report.events or not report.HasField("after_offset") or report.after_offset >= offset:
        return told
    return replace(told, empty_after=max(spool.empty_after, report.after_offset))


def report(events: int, after_offset: int | None, host: str) -> bytes:
    """The value of a record: `after_offset` is the last acknowledged report's, None where there is none."""
    made = SpoolReport(events=events, host=host)
    if after_offset is not None:
        made.after_offset = after_offset
    return made.SerializeToString()
