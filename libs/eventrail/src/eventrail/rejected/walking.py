"""Ways over the topic: in its order, or the newest first, with few records in memory at a time."""

import heapq
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final, Protocol

from eventrail.checkpoints import Span
from eventrail.rejected.entry import Entry
from eventrail.rejected.listing import Summary, summary
from eventrail.rejected.selection import Filters

WINDOW: Final = 500
"""Records that are read at first, from the end of a partition; each further step back reads twice as many."""

_LONGEST: Final = 64_000


class Records(Protocol):
    """Where records are read."""

    def read(self, partition: int, span: Span) -> AsyncGenerator[Entry]:
        """The records of `span` in their order."""
        ...


async def in_order(records: Records, spans: Mapping[int, Span], filters: Filters) -> AsyncGenerator[Entry]:
    """What fits, partition by partition, each in the order of the topic."""
    for partition, span in spans.items():
        async with aclosing(records.read(partition, span)) as found:
            async for entry in found:
                if filters.fit(entry):
                    yield entry


async def newest(
    records: Records, spans: Mapping[int, Span], filters: Filters, limit: int, window: int = WINDOW
) -> list[Summary]:
    """The `limit` newest that fit, the newest first.

    Each partition is read backwards, window by window, until a window holds nothing that is newer than what was
    found: within a partition times rise, but for the differences between the clocks of those who reject.
    """
    best = _Newest(limit)
    for partition, span in spans.items():
        end, size = span.end, window
        while end > span.begin:
            begin = max(span.begin, end - size)
            latest_ms = await _gather(records, partition, Span(begin, end), filters, best)
            if best.is_full_of_newer_than(latest_ms):
                break
            end, size = begin, min(2 * size, _LONGEST)
    return best.found()


class _Newest:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[int, int, int, Summary]] = []

    def add(self, entry: Entry) -> None:
        made = summary(entry)
        item = (made.at_ms, made.address.offset, made.address.partition, made)
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, item)
        else:
            heapq.heappushpop(self._heap, item)

    def is_full_of_newer_than(self, at_ms: int | None) -> bool:
        return len(self._heap) == self._limit and at_ms is not None and at_ms < self._heap[0][0]

    def found(self) -> list[Summary]:
        return [item[-1] for item in sorted(self._heap, reverse=True)]


async def _gather(
    records: Records, partition: int, span: Span, filters: Filters, best: _Newest
) -> int | None:
    """Add what fits; the latest time in `span`, whether it fits or not."""
    latest_ms: int | None = None
    async with aclosing(records.read(partition, span)) as found:
        async for entry in found:
            latest_ms = max(entry.at_ms, latest_ms if latest_ms is not None else entry.at_ms)
            if filters.fit(entry):
                best.add(entry)
    return latest_ms
