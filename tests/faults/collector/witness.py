"""Looks at data_through beside a load, as if enricher and writer were always done with what is on the raw topic."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from eventrail.checkpoints import ends
from eventrail.clock import SystemClock
from eventrail.errors import KafkaUnavailable
from eventrail.settings import KafkaSettings
from query_api.progress.kafka import Sources, surveyor
from query_api.progress.tracker import Tracker
from tests.faults.collector.load import Outcome
from tests.faults.collector.topic import Found


class Sample(NamedTuple):
    """What was said at one moment, and where the raw topic ended when it was."""

    through_ms: int
    raw_ends: dict[int, int]


@dataclass
class Witness:
    """`samples` have a growing data_through; `longest_age_ms`: how old it was at most when it moved."""

    samples: list[Sample] = field(default_factory=list)
    tracker: Tracker = field(default_factory=Tracker)
    longest_age_ms: int = 0

    async def watch(self, kafka: str) -> None:
        """Survey after survey, also when the broker goes and comes, until cancelled."""
        settings, clock = KafkaSettings(kafka_bootstrap_servers=kafka), SystemClock()
        while True:
            try:
                async with surveyor(settings, Sources(), clock) as asking:
                    while True:
                        found = await asking.survey()
                        done = ends(found.raw)
                        self.tracker.take(replace(found, enricher=done, enriched={}, writer={}))
                        self._note(found.at_ms, done)
                        await asyncio.sleep(0.02)
            except KafkaUnavailable:
                await asyncio.sleep(0.05)

    def _note(self, at_ms: int, done: dict[int, int]) -> None:
        through = self.tracker.data_through_ms
        if through is not None and (not self.samples or through > self.samples[-1].through_ms):
            self.samples.append(Sample(through, done))
            self.longest_age_ms = max(self.longest_age_ms, at_ms - through)

    async def past(self, moment_ms: int) -> None:
        """Wait until data_through lies behind `moment_ms`."""
        async with asyncio.timeout(60):
            while (self.tracker.data_through_ms or 0) <= moment_ms:  # noqa: ASYNC110 - a plain value
                await asyncio.sleep(0.05)

    def too_early(self, outcomes: Iterable[Outcome], places: dict[str, Found]) -> list[str]:
        """Events whose 202 had arrived before a data_through at which they were not on the raw topic yet."""
        to_unix = time.time() - time.monotonic()
        return [
            event_id
            for outcome in outcomes
            for event_id in outcome.accepted
            if self._was_too_early((outcome.left + outcome.took + to_unix) * 1000, places[event_id])
        ]

    def _was_too_early(self, accepted_ms: float, place: Found) -> bool:
        said = next((sample for sample in self.samples if sample.through_ms > accepted_ms), None)
        return said is not None and place.offset >= said.raw_ends[place.partition]


@asynccontextmanager
async def witness(kafka: str) -> AsyncIterator[Witness]:
    """A Witness that watches for as long as the block lasts."""
    made = Witness()
    task = asyncio.create_task(made.watch(kafka))
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])
