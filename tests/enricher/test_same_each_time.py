"""Whatever becomes of the workers, all copies of an event are the same to the last byte.

Records of one partition of the raw topic are done by the real pipeline in batches, by workers that crash while their
changelog is being written, lose their partition, come back too late, or go on; each begins at the committed
offset with what the changelog says. The judge is one worker that did everything in order, record by record.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enricher.batch import Batch
from enricher.checkpoints import newest
from enricher.chunk import RawRecord, process
from enricher.enrichments.session_state import expired
from enricher.offsets import OffsetAccount
from enricher.sessions import PartitionSessions, Sessions
from enricher.world import World
from eventrail.contract.codec import decode_enriched
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents

Make = Callable[..., RawEvent]
Position = tuple[int, int]
"""Offset of a raw record, and place of an event in it."""

MINUTE = 60_000
EVENING = 1_780_092_000_000  # 2026-05-29T22:00:00Z
LATER = EVENING + 400 * 86_400_000
PEOPLE = ("alice", "bob", "")
"""Two who send an id of their own, and one who is known by a hash."""

EVENTS = st.tuples(
    st.sampled_from(PEOPLE),
    st.sampled_from([0, 1, 10, 25, 31, 45, 8 * 60]),  # minutes since the acceptance before
    st.sampled_from([0, 0, 0, 10, 25, 35, 70, 20 * 60]),  # minutes that the event comes late
    st.booleans(),
)
CHUNKS = st.lists(st.lists(EVENTS, min_size=1, max_size=3), min_size=1, max_size=12)
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["done", "done", "commit", "crash", "late", "rebalance", "sweep", "compact"]),
        st.integers(1, 4),
        st.integers(0, 4),
    ),
    max_size=25,
)


@pytest.fixture(scope="session")
def raw_log(make_raw: Make) -> Callable[..., list[RawRecord]]:
    def make(chunks: list[list[tuple[str, int, int, bool]]]) -> list[RawRecord]:
        at_ms, number, log = EVENING, 0, []
        for offset, drawn in enumerate(chunks):
            events = []
            for person, wait, late, campaign in drawn:
                at_ms, number = at_ms + wait * MINUTE, number + 1
                events.append(
                    make_raw(
                        number,
                        address=None if person else "81.2.69.142",
                        visitor_id=person,
                        timestamp_ms=at_ms - late * MINUTE,
                        received_at_ms=at_ms,
                        url="https://shop.example/"
                        + ("?utm_source=news&utm_medium=email" if campaign else ""),
                    )
                )
            log.append(
                RawRecord(0, offset, 1, None, RawEvents(events=events).SerializeToString(deterministic=True))
            )
        return log

    return make


class Partition:
    """The raw partition, its changelog, the group's committed offset, and everything that was published."""

    def __init__(self, log: Sequence[RawRecord], world: World) -> None:
        self.log = log
        self.world = world
        self.changelog: list[tuple[bytes, bytes, int]] = []
        self.committed = 0
        self.published: dict[Position, set[tuple[bytes | None, bytes | None]]] = defaultdict(set)
        self.late: list[tuple[bytes, bytes, int]] = []
        self.had_late_writes = False
        self.generation = 0
        self.sessions = Sessions()
        self.account = OffsetAccount()
        self.crash()

    def crash(self) -> None:
        """A new process takes over."""
        self.sessions = Sessions()
        self.account = OffsetAccount()
        self.rebalance()

    def rebalance(self) -> None:
        """A new generation begins where the group's committed offset stands."""
        self.generation += 1
        for key, value, _at_ms in self.changelog:
            self.sessions.of(0).merge(key, value)
        self.account.begin(self.generation, {0: self.committed})

    def batch(self, count: int) -> tuple[Batch, list[tuple[bytes, bytes, int]]]:
        """The next records done and published, and what the changelog should hear of it."""
        batch = Batch(self.account, self.sessions, self.generation)
        done = self.account.done[0]
        for record in self.log[done : done + count]:
            mine = RawRecord(0, record.offset, self.generation, None, record.value)
            outcome = process(mine, batch.overlay(mine), self.world, LATER)
            assert not outcome.rejected, outcome.reasons
            for index, enriched in enumerate(outcome.enriched):
                self.published[record.offset, index].add((enriched.key, enriched.value))
            batch.add(mine, outcome)
        changes = [
            (change.key or b"", change.value or b"", change.timestamp_ms or 0)
            for _, records in batch.changes()
            for change in records
        ]
        return batch, changes

    def act(self, what: str, count: int, written: int) -> None:
        getattr(self, f"_{what}")(count, written)
        # What somebody who was thought dead still had to write comes in one step later.
        self.changelog += self.late if what != "late" else []
        self.late = self.late if what == "late" else []

    def _done(self, count: int, _written: int) -> None:
        batch, changes = self.batch(count)
        self.changelog += changes
        batch.keep()

    def _commit(self, _count: int, _written: int) -> None:
        self.committed = self.account.done[0]
        self.account.committed(self.generation, {0: self.committed})

    def _crash(self, count: int, written: int) -> None:
        _, changes = self.batch(count)
        self.changelog += changes[:written]
        self.crash()

    def _late(self, count: int, written: int) -> None:
        _, changes = self.batch(count)
        self.changelog += changes[:written]
        self.late, self.had_late_writes = changes[written:], True
        self.crash()

    def _rebalance(self, count: int, written: int) -> None:
        _, changes = self.batch(count)
        self.changelog += changes[:written]
        self.rebalance()

    def _sweep(self, _count: int, _written: int) -> None:
        self.sessions.sweep(expired, self.account.replay_starts())

    def _compact(self, _count: int, _written: int) -> None:
        if not self.had_late_writes:  # docs/sessions.md, "What is left"
            last = {key: (key, value, at_ms) for key, value, at_ms in self.changelog}
            self.changelog = list(last.values())

    def finish(self) -> None:
        while self.account.done[0] < len(self.log):
            self._done(1, 0)


def alone(log: Sequence[RawRecord], world: World) -> Partition:
    judge = Partition(log, world)
    judge.finish()
    return judge


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(CHUNKS, ACTIONS)
def test_all_copies_of_an_event_agree(
    raw_log: Callable[..., list[RawRecord]],
    world: World,
    chunks: list[list[tuple[str, int, int, bool]]],
    actions: list[tuple[str, int, int]],
) -> None:
    log = raw_log(chunks)
    judge, partition = alone(log, world), Partition(log, world)
    for what, count, written in actions:
        partition.act(what, count, written)
    partition.finish()
    assert partition.published == judge.published
    assert all(len(copies) == 1 for copies in judge.published.values())
    # Not only the events: whoever comes next finds the same states.
    partition.act("commit", 0, 0)
    partition.crash()
    assert states(partition.sessions.of(0)) == states(judge.sessions.of(0))


def states(held: PartitionSessions) -> dict[bytes, bytes | None]:
    return {key: newest(value) for key, value in held.states.items()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(CHUNKS, st.randoms(use_true_random=False))
def test_neither_chunks_nor_other_visitors_change_what_an_event_gets(
    raw_log: Callable[..., list[RawRecord]],
    world: World,
    chunks: list[list[tuple[str, int, int, bool]]],
    dice: Random,
) -> None:
    log = raw_log(chunks)
    assert without_places(alone(recut(log, dice), world)) == without_places(alone(log, world))


def recut(log: Sequence[RawRecord], dice: Random) -> list[RawRecord]:
    """The same events in other chunks, in another order that keeps that of each visitor."""
    events = [event for record in log for event in RawEvents.FromString(record.value or b"").events]
    order = [event.visitor_id for event in events]
    dice.shuffle(order)
    waiting = {person: iter([one for one in events if one.visitor_id == person]) for person in PEOPLE}
    chunks: list[RawEvents] = []
    for person in order:
        if not chunks or dice.random() < 0.5:
            chunks.append(RawEvents())
        chunks[-1].events.append(next(waiting[person]))
    return [
        RawRecord(0, offset, 1, None, chunk.SerializeToString(deterministic=True))
        for offset, chunk in enumerate(chunks)
    ]


def without_places(partition: Partition) -> dict[str, EnrichedEvent]:
    """Each event by its id, without its place on the raw topic."""
    events = [decode_enriched(value) for copies in partition.published.values() for _, value in copies]
    for event in events:
        event.ClearField("raw_position")
    return {event.event_id: event for event in events}


def test_a_session_that_was_replaced_is_found_again_after_a_crash(
    raw_log: Callable[..., list[RawRecord]], world: World
) -> None:
    """The case that no state of one session alone can answer: the changelog is ahead by a whole session."""
    log = raw_log([[("alice", 0, 0, False)], [("alice", 10, 0, True)], [("alice", 45, 0, False)]])
    partition = Partition(log, world)
    partition.act("done", 1, 0)
    partition.act("commit", 0, 0)
    partition.act("done", 1, 0)
    partition.act("crash", 1, 1)
    partition.finish()
    assert {position: len(copies) for position, copies in partition.published.items()} == {
        (0, 0): 1,
        (1, 0): 1,
        (2, 0): 1,
    }
    [first], [second], [third] = (
        [decode_enriched(value).session_id for _, value in partition.published[position]]
        for position in ((0, 0), (1, 0), (2, 0))
    )
    assert first == second != third
