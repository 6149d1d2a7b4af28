"""A sink without a broker: for tests, and for measuring the collector alone."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Sequence

from collector.sinks import Placed, Published, all_failed
from collector.sinks.chunks import frame

CLOSED = "the collector is shutting down"


class MemorySink:
    """Keeps the last `keep` chunks of each partition (all of them where it is None), as the topic would.

    Nothing of it is durable. `refuse` makes it fail: a partition in it gives its reason, as a broker
    whose partition has no leader would.
    """

    def __init__(self, partitions: int = 8, keep: int | None = None) -> None:
        self.partitions = partitions
        self.refuse: dict[int, str] = {}
        self.chunks: defaultdict[int, deque[bytes]] = defaultdict(lambda: deque(maxlen=keep))
        self._ends: defaultdict[int, int] = defaultdict(int)
        self._closed = False

    def publish(self, events: Sequence[Placed]) -> Awaitable[Published]:
        done: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
        done.set_result(self._published(events))
        return done

    def _published(self, events: Sequence[Placed]) -> Published:
        if self._closed:
            return all_failed(len(events), CLOSED)
        failures: dict[int, str] = {}
        taken: dict[int, list[bytes]] = {}
        for place, event in enumerate(events):
            partition = event.key % self.partitions
            if partition in self.refuse:
                failures[place] = self.refuse[partition]
            else:
                taken.setdefault(partition, []).append(frame(event.value))
        return Published(
            failures, {partition: self._keep(partition, taken[partition]) for partition in taken}
        )

    def _keep(self, partition: int, frames: list[bytes]) -> int:
        self.chunks[partition].append(b"".join(frames))
        self._ends[partition] += 1
        return self._ends[partition] - 1

    def give_up(self) -> None:
        pass  # nothing ever waits

    def trouble(self) -> str | None:
        return CLOSED if self._closed else None

    async def close(self) -> None:
        self._closed = True
