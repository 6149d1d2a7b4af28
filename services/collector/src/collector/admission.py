"""How much the front door holds at once, over all connections: their number, and the bytes of unanswered requests."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol

from collector.metrics import Metrics
from collector.settings import CollectorSettings

REQUEST_COST: Final = 4096
"""Bytes that a request is charged with beside its own: what the process keeps about it until the answer."""


class Resting(Protocol):
    """A connection without a request, seen by the Admission."""

    def give_way(self) -> None:
        """Close at once, to make room for another."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one process: `connections` is their number, `held_bytes` what all unanswered requests may hold together."""

    connections: int
    held_bytes: int

    @property
    def most_connections(self) -> int:
        """Beyond `connections` this many get a short answer; what comes then is cut off."""
        return self.connections + self.connections // 10 + 10


class Admission:
    """The account that all connections of a process share; pure counting, for one thread."""

    def __init__(self, bounds: Bounds, metrics: Metrics) -> None:
        self.bounds = bounds
        self.metrics = metrics
        self.connections = 0
        self.held_bytes = 0
        self.draining = False
        """Whether the process ends: answers then ask their clients to connect anew."""
        self._resting: OrderedDict[Resting, None] = OrderedDict()
        metrics.watch_door(self)

    def enter(self) -> bool:
        """Count a connection in. The one that rested longest gives way; False where none rests.

        Counted in is it in any case, and `leave` counts it out.
        """
        self.connections += 1
        if self.connections <= self.bounds.connections:
            return True
        if not self._resting:
            return False
        oldest, _ = self._resting.popitem(last=False)
        self.metrics.connections_closed.labels("gave_way").inc()
        oldest.give_way()
        return True

    @property
    def crowded(self) -> bool:
        """Whether there is not even room to refuse."""
        return self.connections > self.bounds.most_connections

    def leave(self, connection: Resting, held: int) -> None:
        """Count `connection` and the bytes that it `held` out."""
        self.connections -= 1
        self.held_bytes -= held
        self._resting.pop(connection, None)

    def rest(self, connection: Resting) -> None:
        """`connection`, new or awake, has no request now."""
        self._resting[connection] = None

    def wake(self, connection: Resting) -> None:
        """`connection` has a request, or a part of one."""
        self._resting.pop(connection, None)

    def hold(self, size: int) -> bool:
        """Count `size` bytes more (or less); False where all requests together hold too much."""
        self.held_bytes += size
        return self.held_bytes <= self.bounds.held_bytes


def bounds(settings: CollectorSettings, open_files: int) -> Bounds:
    """What `settings` ask for, as far as `open_files`, the process's limit, allows."""
    allowed = max(1, (open_files - _OTHER_FILES) * 10 // 11)
    return Bounds(min(settings.connections, allowed), settings.received_bytes)


_OTHER_FILES: Final = 100
"""Files that are no connection of a client: Kafka's, the listening socket, what Python has open."""
