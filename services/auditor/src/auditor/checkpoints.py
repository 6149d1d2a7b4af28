"""Which raw events are settled: told from offsets alone, pure.

The enricher commits an offset after everything that came of the records before it was acknowledged. So what came
of them lies before the ends that the enriched and the rejected partitions have after that commit was seen. Once
the writer's group has committed up to those enriched ends, and the auditor has read the rejected topic up to where
it then ends, nothing can come of those raw records any more: they are settled. Such a moment is a checkpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from eventrail.checkpoints import Offsets, Waiting, passed


class Place(NamedTuple):
    """A place in one partition of the raw topic: which log, and the offset in it. Ordered."""

    log: int
    offset: int


Places = Mapping[int, Place]


@dataclass
class Checkpoints:
    """Checkpoints on their way: first to the writer's commit, then to the auditor's own reading.

    All times are monotonic, in seconds.
    """

    settle_seconds: float
    settled: dict[int, Place] = field(default_factory=dict)
    settled_at: float | None = None
    _at_writer: Waiting[dict[int, Place]] = field(default_factory=Waiting)
    _at_reader: Waiting[tuple[float, dict[int, Place]]] = field(default_factory=Waiting)

    def add(self, reached: Places, enriched_ends: Offsets) -> None:
        """A new one: `enriched_ends` were asked for after `reached` (the enricher's commits) was known."""
        self._at_writer.add(dict(reached), enriched_ends)

    def written(self, now: float, committed: Offsets, rejected_ends: Offsets) -> None:
        """The writer's commits; `rejected_ends` were asked for after them."""
        places = self._at_writer.reach(committed)
        if places is not None:
            self._at_reader.add((now, places), rejected_ends)

    def read(self, now: float, positions: Offsets) -> bool:
        """How far the auditor's ledger holds the rejected topic. True when more is settled than before."""
        reached = self._at_reader.reach_where(
            lambda at, awaited: now - at[0] >= self.settle_seconds and passed(positions, awaited)
        )
        if reached is None:
            return False
        self.settled_at, places = reached
        # Never back: what is settled stays so, also when somebody sets the enricher's offsets back.
        before = dict(self.settled)
        for partition, place in places.items():
            self.settled[partition] = max(place, self.settled.get(partition, place))
        return self.settled != before

    def forget(self) -> None:
        """Drop all that is on its way, because a topic is not what it was. What is settled stays."""
        self._at_writer.clear()
        self._at_reader.clear()
