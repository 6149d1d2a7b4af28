"""The salts topic as the keeper needs it, and its twin in memory."""

from collections.abc import Sequence
from typing import Protocol

from enricher.salts.agreement import SaltRecord
from eventrail.clock import Clock


class SaltLog(Protocol):
    """A log with one order for everybody. Both methods raise KafkaUnavailable."""

    async def read(self) -> list[SaltRecord]:
        """All records that stand on the topic now, from its beginning to its end, in the order of their offsets."""
        ...

    async def append(self, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Put keys with their values (None: a tombstone) at the end, together and in this order; durable afterwards.

        After an error they may stand there all the same.
        """
        ...


class MemorySaltLog:
    """A SaltLog that lives as long as the process. `compact` does what the broker's cleaner does in time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: list[SaltRecord] = []
        self._end = 0

    async def read(self) -> list[SaltRecord]:
        return list(self._records)

    async def append(self, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        for key, value in records:
            self._records.append(SaltRecord(self._end, key, value, self._clock.now_ms()))
            self._end += 1

    def compact(self) -> None:
        """Keep the last record of each key, and no tombstone."""
        last = {record.key: record.offset for record in self._records}
        self._records = [
            record
            for record in self._records
            if record.offset == last[record.key] and record.value is not None
        ]
