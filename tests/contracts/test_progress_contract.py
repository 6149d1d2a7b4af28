"""What Progress promises: the one in memory, and the one that is told by surveys, pass the same tests."""

import asyncio
from abc import ABC, abstractmethod

import pytest

from eventrail.checkpoints import Span
from eventrail.clock import ManualClock
from query_api.progress import Overview
from query_api.progress.lag import answer
from query_api.progress.memory import MemoryProgress
from query_api.progress.survey import Survey
from query_api.progress.tracked import HELD_SECONDS, TrackedProgress
from query_api.routes.lag import LagAnswer


class Subject(ABC):
    progress: Overview

    @abstractmethod
    def settle(self, at_ms: int, records: int) -> None:
        """At `at_ms` the first `records` records of raw partition 0 are found readable, and no more are there."""

    @abstractmethod
    def hold(self, at_ms: int, records: int) -> None:
        """From `at_ms` on one more record than `records` waits for the enricher."""


class InMemory(Subject):
    def __init__(self) -> None:
        self.progress: MemoryProgress = MemoryProgress()

    def settle(self, at_ms: int, records: int) -> None:
        self.progress.settle({0: records})
        self.progress.through_ms, self.progress.held = at_ms, ()

    def hold(self, at_ms: int, records: int) -> None:
        self.progress.held = ("enricher: partition 0 is 1 record behind",)


class Tracked(Subject):
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.progress: TrackedProgress = TrackedProgress(self.clock)

    def _take(self, at_ms: int, end: int, read: int) -> None:
        self.clock.unix_ms = at_ms
        self.progress.take(Survey(at_ms, 0, (), {0: Span(0, end)}, {0: read}, {0: Span(0, read)}, {0: read}))

    def settle(self, at_ms: int, records: int) -> None:
        self._take(at_ms, records, records)

    def hold(self, at_ms: int, records: int) -> None:
        self._take(at_ms, records + 1, records)
        self.clock.advance(HELD_SECONDS)


@pytest.fixture(params=[InMemory, Tracked])
def subject(request: pytest.FixtureRequest) -> Subject:
    made: Subject = request.param()
    return made


async def test_at_first_nothing_is_known_and_it_says_why(subject: Subject) -> None:
    assert subject.progress.data_through_ms() is None
    assert subject.progress.held_by() == ("kafka was not asked yet",)
    assert not await subject.progress.wait_for({0: 0}, 0)
    assert LagAnswer.model_validate(answer(subject.progress.lag())).data.as_of is None


async def test_what_is_settled_need_not_be_waited_for(subject: Subject) -> None:
    subject.settle(1000, 5)
    assert subject.progress.data_through_ms() == 1000
    assert subject.progress.held_by() == ()
    assert await subject.progress.wait_for({0: 4}, 0)
    assert not await subject.progress.wait_for({0: 5}, 0.01)
    assert not await subject.progress.wait_for({0: 4, 1: 0}, 0.01)


async def test_a_token_of_nothing_waits_for_nothing(subject: Subject) -> None:
    assert await subject.progress.wait_for({}, 0)


async def test_all_who_wait_are_woken_when_their_records_are_settled(subject: Subject) -> None:
    waiting = [asyncio.create_task(subject.progress.wait_for({0: number}, 30)) for number in (1, 2, 9)]
    await asyncio.sleep(0)
    subject.settle(1000, 3)
    assert await asyncio.wait_for(asyncio.gather(*waiting[:2]), 5) == [True, True]
    assert not waiting[2].done()
    subject.settle(2000, 10)
    assert await asyncio.wait_for(waiting[2], 5)


async def test_one_who_goes_away_leaves_the_others_waiting(subject: Subject) -> None:
    gone, stays = (asyncio.create_task(subject.progress.wait_for({0: 0}, 30)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    subject.settle(1000, 1)
    assert await asyncio.wait_for(stays, 5)


async def test_what_holds_it_is_named_and_what_was_true_stays_true(subject: Subject) -> None:
    subject.settle(1000, 5)
    subject.hold(2000, 5)
    assert subject.progress.held_by() == ("enricher: partition 0 is 1 record behind",)
    assert subject.progress.data_through_ms() == 1000
    assert await subject.progress.wait_for({0: 4}, 0)
    told = LagAnswer.model_validate(answer(subject.progress.lag())).data
    assert told.data_through == "1970-01-01T00:00:01.000Z"
    assert told.held_by == ["enricher: partition 0 is 1 record behind"]
