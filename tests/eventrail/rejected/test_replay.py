"""The run of a replay, with a book and an outbox in memory."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.clock import ManualClock
from eventrail.contract.v1.rejected_pb2 import RejectedEvent
from eventrail.errors import ClickHouseUnavailable, KafkaUnavailable
from eventrail.rejected.entry import Entry
from eventrail.rejected.identity import Identity
from eventrail.rejected.plan import Origin, Planned, Refusal, Refused
from eventrail.rejected.replay import LARGEST_GROUP, Order, Replay
from eventrail.rejected.trace import Outcome, Place, Run
from tests.eventrail.rejected.making import NOON, by_enricher, by_writer, enriched, raw, record

RUN = Run(UUID(int=7), "ann", "host-1", "")
ORDER = Order(None, 100.0, again=False, dry_run=False)


@dataclass
class World:
    """Book, outbox and ear in one; `log` holds what happened in its order."""

    stored_ids: set[str] = field(default_factory=set)
    erased_ids: set[str] = field(default_factory=set)
    log: list[tuple[str, int]] = field(default_factory=list)
    noted: dict[Outcome, list[Planned]] = field(default_factory=lambda: {outcome: [] for outcome in Outcome})
    on_topic: list[Planned] = field(default_factory=list)
    told: list[Planned | Refused] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)
    fails: str = ""

    def _happened(self, what: str, count: int) -> None:
        if self.fails == what:
            raise ClickHouseUnavailable(f"away at {what}")
        self.log.append((what, count))

    def erased(self, wanted: Collection[Identity]) -> set[Identity]:
        return {identity for identity in wanted if str(identity.event_id) in self.erased_ids}

    def stored(self, wanted: Collection[Identity]) -> set[Identity]:
        self._happened("stored?", len(wanted))
        return {identity for identity in wanted if str(identity.event_id) in self.stored_ids}

    def replayed(self, wanted: Collection[Origin]) -> set[Origin]:
        return {item.origin for item in self.noted[Outcome.SENT]}.intersection(wanted)

    def note(
        self, run: Run, outcome: Outcome, at_ms: int, events: Sequence[tuple[Planned, Place | None]]
    ) -> None:
        assert run == RUN
        assert all((place is not None) == (outcome is Outcome.SENT) for _, place in events)
        self._happened(outcome.name, len(events))
        self.noted[outcome] += [item for item, _ in events]

    def has_partition(self, event: Planned) -> bool:
        return event.partition != 99

    async def send(self, events: Sequence[Planned]) -> list[Place | None]:
        self._happened("send", len(events))
        assert all(event in self.noted[Outcome.INTENDED] for event in events)
        places: list[Place | None] = []
        for event in events:
            lost = len(self.on_topic) in self.lost
            self.on_topic.append(event)
            places.append(None if lost else Place(0, len(self.on_topic)))
        return places

    def tell(self, item: Planned | Refused, place: Place | None) -> None:
        self.told.append(item)

    @property
    def refusals(self) -> list[Refusal]:
        return [item.why for item in self.told if isinstance(item, Refused)]


async def entries(found: Sequence[RejectedEvent | bytes]) -> AsyncIterator[Entry]:
    for offset, rejected in enumerate(found):
        yield record(rejected, 0, offset)


async def replay(world: World, found: Sequence[Any], order: Order = ORDER, clock: Any = None) -> None:
    clock = clock or ManualClock(unix_ms=NOON)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    await Replay(order, RUN, world, world, world.tell, clock, sleep).run(entries(found))


def some(count: int) -> list[RejectedEvent]:
    return [
        by_writer(enriched(event_id=str(UUID(int=number + 1))), source_offset=number)
        for number in range(count)
    ]


async def test_what_is_intended_is_noted_before_it_is_sent() -> None:
    world = World()
    await replay(world, some(3))
    assert world.log == [("stored?", 3), ("INTENDED", 3), ("send", 3), ("SENT", 3)]
    assert world.told == world.on_topic
    assert len(world.told) == 3


async def test_a_dry_run_sends_and_notes_nothing() -> None:
    world = World(stored_ids={str(UUID(int=1))})
    await replay(world, some(3), Order(None, 100.0, again=False, dry_run=True))
    assert world.log == [("stored?", 3)]
    assert world.refusals == [Refusal.STORED]
    assert len(world.told) == 3
    assert world.on_topic == []


async def test_what_is_stored_is_never_sent() -> None:
    world = World(stored_ids={str(UUID(int=2))})
    for again in (False, True):
        await replay(world, some(2)[1:], Order(None, 100.0, again=again, dry_run=False))
    assert world.refusals == [Refusal.STORED] * 2
    assert world.on_topic == []


async def test_what_was_replayed_is_refused_unless_it_is_asked_for_again() -> None:
    world = World()
    await replay(world, some(1))
    await replay(world, some(1))
    assert world.refusals == [Refusal.REPLAYED]
    await replay(world, some(1), Order(None, 100.0, again=True, dry_run=False))
    assert len(world.on_topic) == 2
    assert len({event.identity for event in world.on_topic}) == 1


async def test_copies_of_a_rejection_are_sent_once() -> None:
    world = World()
    [one] = some(1)
    copy = RejectedEvent()
    copy.CopyFrom(one)
    copy.rejected_at_ms += 5
    await replay(world, [one, copy])
    assert world.refusals == [Refusal.REPLAYED]
    assert len(world.on_topic) == 1


async def test_what_cannot_be_replayed_does_not_hold_up_the_others() -> None:
    world = World()
    await replay(world, [b"\xff", *some(1), by_enricher(raw(), source_partition=99), by_enricher(raw())])
    assert world.refusals == [Refusal.UNREADABLE, Refusal.NO_PARTITION]
    assert len(world.on_topic) == 2


@pytest.mark.parametrize("fails", ["INTENDED", "send", "SENT"])
async def test_after_an_end_at_any_step_it_can_be_done_again(fails: str) -> None:
    world = World(fails=fails)
    with pytest.raises(ClickHouseUnavailable):
        await replay(world, some(2))
    assert world.told == []
    assert len(world.noted[Outcome.INTENDED]) == (0 if fails == "INTENDED" else 2)
    world.fails = ""
    await replay(world, some(2))
    assert world.refusals == []
    assert {event.identity.event_id for event in world.on_topic} == {UUID(int=1), UUID(int=2)}


async def test_what_was_not_acknowledged_is_told_and_not_noted_as_sent() -> None:
    world = World(lost={1})
    with pytest.raises(KafkaUnavailable, match="1 of 3 events were not acknowledged, from 0:1 on"):
        await replay(world, some(3))
    assert [item.address.offset for item in world.noted[Outcome.SENT]] == [0, 2]
    await replay(world, some(3))
    assert world.refusals == [Refusal.REPLAYED] * 2
    assert len(world.on_topic) == 4


@pytest.mark.parametrize(("rate", "count", "seconds"), [(100.0, 250, 2.0), (0.5, 4, 6.0), (20.0, 40, 1.0)])
async def test_the_rate_is_kept(rate: float, count: int, seconds: float) -> None:
    world, clock = World(), ManualClock(unix_ms=NOON)
    await replay(world, some(count), Order(None, rate, again=False, dry_run=False), clock)
    assert len(world.on_topic) == count
    assert clock.seconds == pytest.approx(seconds)


async def test_what_was_late_is_not_made_up_for_by_a_burst() -> None:
    world, clock, sent = World(), ManualClock(unix_ms=NOON), []

    async def send(events: Sequence[Planned]) -> list[Place | None]:
        sent.append(clock.seconds)
        clock.advance(5.0 if len(sent) == 1 else 0.1)  # the broker was slow once
        return [Place(0, 0) for _ in events]

    world.send = send  # type: ignore[method-assign]
    await replay(world, some(40), Order(None, 10.0, again=False, dry_run=False), clock)
    assert sent == pytest.approx([0.0, 5.0, 6.0, 7.0])


async def test_a_group_is_bounded() -> None:
    world = World()
    await replay(world, some(1_100), Order(None, 1e6, again=False, dry_run=False))
    assert [count for what, count in world.log if what == "send"] == [LARGEST_GROUP, LARGEST_GROUP, 100]


async def test_a_group_of_large_events_is_sent_sooner() -> None:
    world = World()
    large = [
        by_writer(enriched(event_id=str(uuid4()), page={"url": "a" * 1_000_000}), source_offset=number)
        for number in range(20)
    ]
    await replay(world, large, Order(None, 1e6, again=False, dry_run=False))
    assert max(count for what, count in world.log if what == "send") == 9


numbers = st.lists(st.integers(1, 6), max_size=12)


@given(
    numbers,
    st.sets(st.integers(1, 6)),
    st.lists(st.sampled_from(["", "INTENDED", "send", "SENT"]), max_size=4),
)
async def test_however_often_and_wherever_it_ends_each_is_sent_and_nothing_stored_is(
    found: list[int], stored: set[int], ends: list[str]
) -> None:
    world = World(stored_ids={str(UUID(int=number)) for number in stored})
    rejected: Callable[[int], RejectedEvent] = lambda number: by_writer(  # noqa: E731
        enriched(event_id=str(UUID(int=number))), source_offset=number
    )
    for world.fails in [*ends, ""]:
        try:
            await replay(world, [rejected(number) for number in found])
        except ClickHouseUnavailable:
            continue
    sent = {event.identity.event_id.int for event in world.on_topic}
    assert sent == set(found) - stored
    assert {item.identity.event_id.int for item in world.noted[Outcome.SENT]} == sent
    assert len(world.noted[Outcome.SENT]) == len(sent)
