import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from enricher import lookout as lookout_module
from enricher.checkpoints import added
from enricher.enrichments.session_state import Session, State, encode
from enricher.lookout import Lookout
from enricher.metrics import Metrics
from enricher.offsets import OffsetAccount
from enricher.sessions import Sessions
from enricher.waits import KAFKA, Waits
from eventrail.clock import ManualClock
from eventrail.errors import KafkaUnavailable
from eventrail.watchdog import Watchdog

DAY_MS = 86_400_000


class Ended(BaseException):
    """Stands for the end of the process."""


class Rig:
    def __init__(self) -> None:
        self.account = OffsetAccount()
        self.metrics, self.clock, self.sessions = Metrics(), ManualClock(), Sessions()
        self.waits = Waits(self.metrics, self.clock)
        self.end_of: dict[int, int] = {0: 10, 1: 0}
        self.asked = 0
        self.answers = True
        self.hangs = False
        self.kafka = "ok"
        self.nudged: list[int] = []
        intake: Any = SimpleNamespace(account=self.account, nudge=self.nudge)
        publisher: Any = SimpleNamespace(reachable=self.reachable)
        self.lookout = Lookout(
            intake,
            self,
            self.sessions,
            self.waits,
            publisher,
            self.metrics,
            self.clock,
            lambda: Watchdog(10),
        )

    async def nudge(self, partitions: Sequence[int]) -> None:
        self.nudged.extend(partitions)
        if self.hangs:
            await asyncio.Event().wait()

    async def reachable(self) -> str:
        return self.kafka

    async def ends(self, partitions: Sequence[int]) -> dict[int, int]:
        self.asked += 1
        if not self.answers:
            raise KafkaUnavailable("no answer")
        return {partition: self.end_of[partition] for partition in partitions}

    async def looks(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.lookout.look()
            self.clock.advance(1)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    def end(status: int) -> None:
        raise Ended(status)

    monkeypatch.setattr("os._exit", end)
    return Rig()


async def test_it_measures_lag_and_sessions(rig: Rig) -> None:
    rig.account.begin(1, {0: 4, 1: 0})
    rig.sessions.of(0).put(b"k", added(None, 0, encode(State(Session(bytes(16), 1, 1, 1), None, 1)), 0))
    await rig.looks(1)
    registry = rig.metrics.registry
    assert registry.get_sample_value("eventrail_enricher_lag_records", {"partition": "0"}) == 6
    assert registry.get_sample_value("eventrail_enricher_lag_records", {"partition": "1"}) == 0
    assert registry.get_sample_value("eventrail_enricher_sessions") == 1
    rig.account.begin(2, {1: 0})
    await rig.looks(1)
    assert registry.get_sample_value("eventrail_enricher_lag_records", {"partition": "0"}) is None


async def test_sessions_that_no_late_event_may_find_are_dropped(rig: Rig) -> None:
    rig.account.begin(1, {1: 0})
    state = encode(State(Session(bytes(16), 1, 1, 1), None, 1))
    rig.sessions.of(1).put(b"k", added(None, 0, state, 0))
    rig.sessions.of(1).put(b"other", b"")
    await rig.looks(1)
    assert set(rig.sessions.of(1).states) == {b"k"}  # a replay could still ask for it
    rig.account.finish(1, 1, 0)
    rig.sessions.of(1).passed(1, DAY_MS, ())
    await rig.looks(1)
    assert set(rig.sessions.of(1).states) == {b"k"}
    rig.account.committed(1, {1: 1})
    await rig.looks(1)
    assert len(rig.sessions) == 0


async def test_the_process_ends_when_records_wait_and_nothing_moves(rig: Rig) -> None:
    rig.account.begin(1, {0: 4})
    await rig.looks(11)
    with pytest.raises(Ended, match="3"):
        await rig.looks(1)


async def test_a_generation_that_never_begins_ends_it_too(rig: Rig) -> None:
    with pytest.raises(Ended):
        await rig.looks(12)


async def test_it_goes_on_while_records_are_done_or_none_wait(rig: Rig) -> None:
    rig.account.begin(1, {0: 0, 1: 0})
    for offset in range(10):
        await rig.looks(9)
        rig.account.finish(1, 0, offset)
    await rig.looks(60)


async def test_a_named_wait_and_a_broker_that_is_away_excuse_it(rig: Rig) -> None:
    rig.account.begin(1, {0: 4})
    rig.waits.begin(KAFKA, "no answer")
    await rig.looks(60)
    rig.waits.end(KAFKA)
    rig.kafka = "no answer"
    await rig.looks(60)
    rig.kafka = "ok"
    await rig.looks(10)
    with pytest.raises(Ended):
        await rig.looks(2)


async def test_one_partition_that_stands_still_is_nudged_and_then_ends_the_process(rig: Rig) -> None:
    rig.account.begin(1, {0: 4, 1: 0})
    rig.end_of[1] = 1_000
    for offset in range(11):
        if offset == 5:
            assert rig.nudged == []
        await rig.looks(1)
        rig.account.finish(1, 1, offset)
    assert set(rig.nudged) == {0}
    with pytest.raises(Ended):
        await rig.looks(1)


async def test_the_broker_is_asked_for_the_ends_now_and_then_and_for_new_partitions_at_once(rig: Rig) -> None:
    rig.account.begin(1, {1: 0})
    await rig.looks(11)
    assert rig.asked == 3
    rig.account.begin(2, {0: 10, 1: 0})
    await rig.looks(1)
    assert rig.asked == 4


async def test_records_that_no_fetch_told_of_end_the_process_too(rig: Rig) -> None:
    rig.account.begin(1, {1: 0})
    await rig.looks(60)
    rig.end_of[1] = 1
    with pytest.raises(Ended):
        await rig.looks(5 + 12)


async def test_ends_that_are_not_told_are_those_of_before(rig: Rig) -> None:
    rig.account.begin(1, {0: 4})
    await rig.looks(1)
    rig.answers = False
    with pytest.raises(Ended):
        await rig.looks(12)
    assert rig.asked > 2


async def test_a_nudge_that_hangs_holds_no_look_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout_module, "_NUDGE_LIMIT_SECONDS", 0.01)
    rig.account.begin(1, {0: 4})
    rig.hangs = True
    async with asyncio.timeout(5):
        with pytest.raises(Ended):
            await rig.looks(12)
    assert len(rig.nudged) > 1
