"""The lookout ends a writer that stands still, and none that has nothing to do or waits for a named cause."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from eventrail.clock import ManualClock
from eventrail.errors import KafkaUnavailable
from eventrail.watchdog import Watchdog
from writer.group_offsets import Place
from writer.lookout import Lookout
from writer.metrics import metrics
from writer.waiting import Cause, Waiting


class Ended(BaseException):
    """Stands for the end of the process."""


class Broker:
    def __init__(self) -> None:
        self.at = {0: Place(5, 5), 1: Place(7, 7)}
        self.away = False

    async def places(self) -> dict[int, Place]:
        if self.away:
            raise KafkaUnavailable("away")
        return self.at


class Reading:
    def __init__(self) -> None:
        self.partitions: frozenset[int] | None = frozenset({0, 1})


class Rig:
    def __init__(self) -> None:
        self.clock, self.broker, self.reading = ManualClock(), Broker(), Reading()
        self.waiting = Waiting(metrics(CollectorRegistry()), self.clock.monotonic)
        self.steps = 0
        self.lookout = Lookout(self.broker, self.waiting, Watchdog(60), self.clock, lambda: self.steps)
        self.lookout.reading = self.reading

    async def looks(self, seconds: int) -> None:
        for _ in range(0, seconds, 5):
            await self.lookout.look()
            self.clock.advance(5)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    def end(status: int) -> None:
        assert status == 3
        raise Ended

    monkeypatch.setattr("os._exit", end)
    return Rig()


async def test_records_that_wait_while_nothing_is_committed_end_it_with_a_clear_line(rig: Rig) -> None:
    await rig.looks(600)
    rig.broker.at[1] = Place(7, 30)
    await rig.looks(60)
    with capture_logs() as lines, pytest.raises(Ended):
        await rig.looks(10)
    [line] = lines
    assert line["log_level"] == "error"
    assert "no commit although records wait" in line["event"]
    assert (line["seconds"], line["lag"], line["partitions"]) == (60, {1: 23}, [0, 1])


async def test_commits_are_progress(rig: Rig) -> None:
    for committed in range(200):
        rig.broker.at[0] = Place(committed, 1000)
        await rig.looks(30)


async def test_looking_for_bad_rows_is_progress(rig: Rig) -> None:
    rig.broker.at[0] = Place(5, 1000)
    for steps in range(200):
        rig.steps = steps
        await rig.looks(30)


@pytest.mark.parametrize("cause", list(Cause))
async def test_a_named_cause_excuses_it(rig: Rig, cause: Cause) -> None:
    rig.broker.at[0] = Place(5, 1000)
    await rig.looks(30)
    rig.waiting.begin(cause, "why")
    await rig.looks(6000)
    rig.waiting.end(cause)
    await rig.looks(60)
    with pytest.raises(Ended):
        await rig.looks(10)


async def test_a_broker_that_is_away_excuses_it(rig: Rig) -> None:
    rig.broker.at[0] = Place(5, 1000)
    await rig.looks(30)
    rig.broker.away = True
    await rig.looks(600)
    rig.broker.away = False
    await rig.looks(60)


async def test_what_other_writers_have_to_do_does_not_count(rig: Rig) -> None:
    rig.broker.at[0] = Place(5, 1000)
    rig.reading.partitions = frozenset({1})
    await rig.looks(600)
    rig.reading.partitions = frozenset()
    await rig.looks(600)


@pytest.mark.parametrize("reading", [True, False])
async def test_a_writer_that_finds_no_place_in_its_group_is_ended(rig: Rig, reading: bool) -> None:
    rig.reading.partitions = None
    rig.lookout.reading = rig.reading if reading else None
    rig.broker.at[0] = Place(5, 1000)

    async def looks_while_somebody_else_works() -> None:
        for committed in range(20):
            rig.broker.at[1] = Place(committed, 30)
            await rig.looks(5)

    with pytest.raises(Ended):
        await looks_while_somebody_else_works()


def lag(place: Any) -> int:
    return int(place.lag)


def test_lag_is_never_negative() -> None:
    assert [lag(Place(3, 10)), lag(Place(10, 10)), lag(Place(10, 0))] == [7, 0, 0]
