"""Which raw events are settled: told from offsets alone, pure.

The enricher commits an offset after everything that came of the records before it was acknowledged. So what came
of them lies before the ends that the enriched and the rejected partitions have after that commit was seen. Once
the writer's group has committed up to those enriched ends, and the auditor has read the rejected topic up to where
it then ends, nothing can come of those raw records any more: they are settled. Such a moment is a checkpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

Offsets = Mapping[int, int]
"""By partition: the offset of the next record."""

KEPT: Final = 64
"""Checkpoints that may wait at a stage; when there are more, every second one is dropped."""


class Place(NamedTuple):
    """A place in one partition of the raw topic: which log, and the offset in it. Ordered."""

    log: int
    offset: int


Places = Mapping[int, Place]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Raw events before `places` are settled once `awaited` was reached. `at` is monotonic, in seconds."""

    at: float
    places: dict[int, Place]
    awaited: dict[int, int]


@dataclass
class Checkpoints:
    """Checkpoints on their way: first to the writer's commit, then to the auditor's own reading."""

    settle_seconds: float
    settled: dict[int, Place] = field(default_factory=dict)
    settled_at: float | None = None
    _at_writer: list[Checkpoint] = field(default_factory=list)
    _at_reader: list[Checkpoint] = field(default_factory=list)

    def add(self, now: float, passed: Places, enriched_ends: Offsets) -> None:
        """A new one: `enriched_ends` were asked for after `passed` (the enricher's commits) was known."""
        self._at_writer.append(Checkpoint(now, dict(passed), dict(enriched_ends)))
        self._at_writer = _thinned(self._at_writer)

    def written(self, now: float, committed: Offsets, rejected_ends: Offsets) -> None:
        """The writer's commits; `rejected_ends` were asked for after them."""
        reached = _latest_reached(self._at_writer, committed)
        if reached is not None:
            self._at_writer = [one for one in self._at_writer if one.at > reached.at]
            self._at_reader.append(Checkpoint(now, reached.places, dict(rejected_ends)))
            self._at_reader = _thinned(self._at_reader)

    def read(self, now: float, positions: Offsets) -> bool:
        """How far the auditor's ledger holds the rejected topic. True when more is settled than before."""
        due = [one for one in self._at_reader if now - one.at >= self.settle_seconds]
        reached = _latest_reached(due, positions)
        if reached is None:
            return False
        self._at_reader = [one for one in self._at_reader if one.at > reached.at]
        self.settled_at = reached.at
        # Never back: what is settled stays so, also when somebody sets the enricher's offsets back.
        before = dict(self.settled)
        for partition, place in reached.places.items():
            self.settled[partition] = max(place, self.settled.get(partition, place))
        return self.settled != before

    def forget(self) -> None:
        """Drop all that is on its way, because a topic is not what it was. What is settled stays."""
        self._at_writer.clear()
        self._at_reader.clear()


def _latest_reached(waiting: list[Checkpoint], positions: Offsets) -> Checkpoint | None:
    for one in reversed(waiting):
        if all(positions.get(partition, 0) >= end for partition, end in one.awaited.items()):
            return one
    return None


def _thinned(waiting: list[Checkpoint]) -> list[Checkpoint]:
    # The oldest stays: it is the next to be reached.
    return waiting if len(waiting) <= KEPT else waiting[::2]
