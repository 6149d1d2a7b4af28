"""When waiting events are written: enough of them, or the oldest has waited long enough.

No IO, no clock: `now` is a monotonic time in seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from operator import attrgetter
from typing import Final, NamedTuple, Protocol


class SourceRecord(Protocol):
    """One record of the enriched topic, as aiokafka's ConsumerRecord has it."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class WaitingRecord(NamedTuple):
    """A SourceRecord and nothing else: an event's seven headers take more memory than the event."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


def waiting_records(records: Iterable[SourceRecord]) -> list[WaitingRecord]:
    """What has to be kept of records, e.g. of aiokafka's."""
    return list(map(_make, map(_fields, records)))


_fields: Final = attrgetter(*WaitingRecord._fields)
_make: Final = partial(tuple.__new__, WaitingRecord)


class FlushReason(StrEnum):
    """Why a batch is written now."""

    COUNT = "count"
    AGE = "age"
    REBALANCE = "rebalance"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Limits:
    """Flush at `events` waiting events or `seconds` of waiting; never hold more than the caps.

    `interval`: so many seconds lie between the beginnings of two flushes by number, unless a cap is reached.
    """

    events: int
    seconds: float
    cap_events: int
    cap_bytes: int
    interval: float = 0.0


@dataclass(slots=True)
class Batch:
    """Records that wait to be written, in the order of each partition.

    `since` is when the oldest arrived (None while empty); `size` counts the bytes of keys and values. Before
    `not_before` it is not due by number.
    """

    limits: Limits
    records: list[SourceRecord] = field(default_factory=list)
    size: int = 0
    since: float | None = None
    not_before: float = float("-inf")

    def add(self, records: Sequence[SourceRecord], now: float) -> None:
        """Append `records`; those of one partition must come in the order of their offsets."""
        if not records:
            return
        if self.since is None:
            self.since = now
        self.records.extend(records)
        self.size += sum(map(_size, records))

    def take_from(self, later: "Batch") -> None:
        """Move the first records of `later` to the end of this batch, as many as its caps allow."""
        taken = 0
        for record in later.records:
            if not self.room():
                break
            self.records.append(record)
            self.size += _size(record)
            later.size -= _size(record)
            taken += 1
        del later.records[:taken]
        if not later.records:
            later.since = None

    def room(self) -> int:
        """How many records may still be added; 0 when a cap is reached."""
        if self.size >= self.limits.cap_bytes:
            return 0
        return max(self.limits.cap_events - len(self.records), 0)

    def due(self, now: float) -> FlushReason | None:
        """Why it must be written now, or None while it may wait."""
        if self.since is None:
            return None
        if not self.room() or (self._is_many() and now >= self.not_before):
            return FlushReason.COUNT
        return FlushReason.AGE if now - self.since >= self.limits.seconds else None

    def seconds_left(self, now: float) -> float:
        """Seconds until it is due without any more records; `limits.seconds` while empty."""
        waited = 0.0 if self.since is None else now - self.since
        left = self.limits.seconds - waited
        return max(min(left, self.not_before - now) if self._is_many() else left, 0.0)

    def following(self, now: float) -> "Batch":
        """An empty batch for what comes after this one, which is flushed now."""
        return Batch(self.limits, not_before=now + self.limits.interval)

    def _is_many(self) -> bool:
        return len(self.records) >= self.limits.events

    def next_offsets(self) -> dict[int, int]:
        """By partition, the offset to commit once every record is written."""
        # Later records overwrite earlier ones, and each partition is in order.
        return {record.partition: record.offset + 1 for record in self.records}


def _size(record: SourceRecord) -> int:
    return len(record.value or b"") + len(record.key or b"")
