"""Settled means that nothing is to come: a river in plain Python, with crashes, against the offsets alone."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.checkpoints import Checkpoints, Place
from eventrail.checkpoints import KEPT

PARTITIONS = 2


@dataclass
class River:
    """Raw records with an id each; enricher and writer do a step at a time and may die between any two.

    `early` plants a bug: the writer commits before it stores.
    """

    source: random.Random
    early: bool = False
    raw: list[list[int]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    enriched: list[list[int]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    rejected: list[int] = field(default_factory=list)
    stored: set[int] = field(default_factory=set)
    enricher_at: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    enricher_committed: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    writer_at: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    writer_committed: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    read: int = 0
    ids: int = 0

    def accept(self) -> None:
        self.raw[self.source.randrange(PARTITIONS)].append(self.ids)
        self.ids += 1

    def enrich(self) -> None:
        at = self.source.randrange(PARTITIONS)
        if self.enricher_at[at] < len(self.raw[at]):
            made = self.raw[at][self.enricher_at[at]]
            # Refused by the enricher, or handed on to any partition.
            if made % 7 == 0:
                self.rejected.append(made)
            else:
                self.enriched[self.source.randrange(PARTITIONS)].append(made)
            self.enricher_at[at] += 1

    def commit_enricher(self) -> None:
        self.enricher_committed = list(self.enricher_at)

    def kill_enricher(self) -> None:
        self.enricher_at = list(self.enricher_committed)

    def write(self) -> None:
        at = self.source.randrange(PARTITIONS)
        waiting = self.enriched[at][self.writer_at[at] :]
        if self.early:
            self.writer_at[at] += len(waiting)
            self.commit_writer()
            if self.source.random() < 0.3:
                return
        for made in waiting:
            # Refused by the writer, or stored.
            (self.rejected.append if made % 5 == 0 else self.stored.add)(made)
        if not self.early:
            self.writer_at[at] += len(waiting)

    def commit_writer(self) -> None:
        self.writer_committed = list(self.writer_at)

    def kill_writer(self) -> None:
        self.writer_at = list(self.writer_committed)

    def follow(self) -> None:
        self.read = min(len(self.rejected), self.read + self.source.randrange(5))

    def step(self) -> None:
        choices = [self.accept, self.enrich, self.enrich, self.commit_enricher, self.kill_enricher]
        choices += [self.write, self.write, self.commit_writer, self.kill_writer, self.follow]
        self.source.choice(choices)()


class Observer:
    """Takes a survey the way the auditor does, with the river flowing on between any two answers."""

    def __init__(self, river: River, settle_seconds: float = 0.0) -> None:
        self.river = river
        self.checkpoints = Checkpoints(settle_seconds)
        self.now = 0.0

    def survey(self, steps: int = 3) -> None:
        river = self.river
        self.now += 1
        passed = {at: Place(1, offset) for at, offset in enumerate(river.enricher_committed)}
        self._flow(steps)
        ends = {at: len(log) for at, log in enumerate(river.enriched)}
        self._flow(steps)
        self.checkpoints.add(passed, ends)
        committed = dict(enumerate(river.writer_committed))
        self._flow(steps)
        self.checkpoints.written(self.now, committed, {0: len(river.rejected)})
        self._flow(steps)
        self.checkpoints.read(self.now, {0: river.read})

    def _flow(self, steps: int) -> None:
        for _ in range(self.river.source.randrange(steps + 1)):
            self.river.step()

    def unaccounted(self) -> list[int]:
        """Settled events that are neither stored nor rejected, as far as the auditor has read that."""
        river, known = self.river, self.river.stored | set(self.river.rejected[: self.river.read])
        settled = self.checkpoints.settled
        return [
            made
            for at, log in enumerate(river.raw)
            for made in log[: settled.get(at, Place(1, 0)).offset]
            if made not in known
        ]

    def run(self, steps: int) -> list[int]:
        """All that was ever unaccounted."""
        found = []
        for _ in range(steps):
            self.river.step()
            if self.river.source.random() < 0.2:
                self.survey()
            found += self.unaccounted()
        return found


@given(st.integers(0, 2**32), st.integers(1, 400))
def test_nothing_settled_is_missing_whatever_dies_when(seed: int, steps: int) -> None:
    observer = Observer(River(random.Random(seed)))
    assert observer.run(steps) == []


@given(st.integers(0, 2**32), st.integers(1, 200))
@settings(max_examples=50)
def test_when_the_river_is_still_everything_gets_settled(seed: int, steps: int) -> None:
    river = River(random.Random(seed))
    observer = Observer(river)
    observer.run(steps)
    river.enricher_at = list(river.enricher_committed)
    while any(river.enricher_at[at] < len(river.raw[at]) for at in range(PARTITIONS)):
        river.enrich()
    river.commit_enricher()
    while any(river.writer_at[at] < len(river.enriched[at]) for at in range(PARTITIONS)):
        river.write()
    river.commit_writer()
    river.read = len(river.rejected)
    for _ in range(3):
        observer.survey(steps=0)
    settled = observer.checkpoints.settled
    assert {at: settled[at].offset for at in range(PARTITIONS)} == {
        at: len(log) for at, log in enumerate(river.raw)
    }
    assert observer.unaccounted() == []


def test_a_writer_that_commits_before_it_stores_is_found_out() -> None:
    found = [Observer(River(random.Random(seed), early=True)).run(400) for seed in range(20)]
    assert sum(map(bool, found)) >= 15


def test_settling_takes_its_time() -> None:
    checkpoints = Checkpoints(settle_seconds=10)
    checkpoints.add({0: Place(1, 5)}, {0: 3})
    checkpoints.written(1, {0: 2}, {0: 0})
    assert not checkpoints.read(20, {0: 0})
    checkpoints.written(21, {0: 3}, {0: 4})
    assert not checkpoints.read(30, {0: 4})
    assert not checkpoints.read(31, {0: 3})
    assert checkpoints.read(31, {0: 4})
    assert checkpoints.settled == {0: Place(1, 5)}
    assert checkpoints.settled_at == 21


def test_what_is_settled_stays_so() -> None:
    checkpoints = Checkpoints(0, settled={0: Place(2, 50)})
    for place in (Place(2, 10), Place(1, 99)):
        checkpoints.add({0: place}, {})
        checkpoints.written(0, {}, {})
        assert not checkpoints.read(0, {})
    checkpoints.add({0: Place(3, 0)}, {})
    checkpoints.written(1, {}, {})
    assert checkpoints.read(1, {})
    assert checkpoints.settled == {0: Place(3, 0)}


def test_a_long_outage_keeps_few_checkpoints_and_the_oldest() -> None:
    checkpoints = Checkpoints(0)
    for number in range(10_000):
        checkpoints.add({0: Place(1, number)}, {0: number})
        assert len(checkpoints._at_writer) <= KEPT
    checkpoints.written(10_000, {0: 0}, {})
    assert checkpoints.read(10_000, {})
    assert checkpoints.settled == {0: Place(1, 0)}


@pytest.mark.parametrize("stage", ["writer", "reader"])
def test_forgetting_drops_what_is_on_its_way(stage: str) -> None:
    checkpoints = Checkpoints(0)
    checkpoints.add({0: Place(1, 5)}, {0: 0})
    if stage == "reader":
        checkpoints.written(0, {}, {})
    checkpoints.forget()
    checkpoints.written(1, {0: 9}, {})
    assert not checkpoints.read(1, {})
