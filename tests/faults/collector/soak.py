"""The collector under a steady load while its broker is killed and started again, and stopped and continued.

`python -m tests.faults.collector.soak --outage 60 --rate 300` runs it by hand and prints the table; the tests
run the same with shorter outages.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from devstack import programs
from devstack.ports import free_addresses
from devstack.process import Run
from devstack.readiness import quiet_client_logs
from devstack.single import ready, running
from eventrail.contract import topics
from eventrail.kafka.admin import create_topics
from eventrail.settings import KafkaSettings
from tests.faults.collector.child import Child, collector
from tests.faults.collector.load import Load, Outcome
from tests.faults.collector.topic import ids_on_topic

RECOVERY_SECONDS = 60.0


@dataclass(frozen=True)
class Plan:
    """`rate` in requests a second; `outage` and `publish_timeout` in seconds."""

    outage: float = 8.0
    rate: float = 300.0
    publish_timeout: float = 3.0
    calm: float = 4.0


@dataclass
class Phase:
    """A part of the run, named by what happens to the broker; RSS in MiB."""

    name: str
    began: float
    ended: float = 0.0
    rss: float = 0.0
    recovered: float | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    def milliseconds(self, status: int) -> list[float]:
        return sorted(outcome.took * 1000 for outcome in self.outcomes if outcome.status == status)


@dataclass
class Report:
    """What came out; `copies` counts each id on the topic."""

    plan: Plan
    phases: list[Phase]
    copies: Counter[str]
    same_process: bool
    log: str

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for phase in self.phases for outcome in phase.outcomes]

    @property
    def accepted(self) -> set[str]:
        return {event_id for outcome in self.outcomes for event_id in outcome.accepted}

    @property
    def missing(self) -> set[str]:
        """Accepted, but not on the topic."""
        return self.accepted - self.copies.keys()

    @property
    def doubled(self) -> list[str]:
        return [event_id for event_id, count in self.copies.items() if count > 1]

    @property
    def late(self) -> int:
        """Events that were answered 503 and arrived all the same."""
        return len(self.copies.keys() - self.accepted)

    @property
    def growth_mib(self) -> float:
        """How far RSS rose above what it was before the first outage."""
        return max(phase.rss for phase in self.phases) - self.phases[0].rss

    def table(self) -> Iterator[str]:
        yield (
            f"{'broker':<12}{'s':>6}{'requests':>10}{'202':>8}{'503':>8}{'other':>7}"
            f"{'p50 202':>9}{'p99 202':>9}{'p50 503':>9}{'max':>9}{'RSS MiB':>9}{'back in':>9}"
        )
        for phase in self.phases:
            yield _row(phase)
        yield (
            f"accepted {len(self.accepted):,}, missing {len(self.missing)}, doubled {len(self.doubled)}, "
            f"answered 503 and arrived once {self.late:,}, RSS +{self.growth_mib:.0f} MiB, "
            f"same process: {'yes' if self.same_process else 'NO'}"
        )


def _row(phase: Phase) -> str:
    statuses = Counter(outcome.status for outcome in phase.outcomes)
    good, refused = phase.milliseconds(202), phase.milliseconds(503)
    longest = max((outcome.took * 1000 for outcome in phase.outcomes), default=0.0)
    back = "" if phase.recovered is None else f"{phase.recovered:.1f} s"
    return (
        f"{phase.name:<12}{phase.ended - phase.began:>6.1f}{len(phase.outcomes):>10,}{len(good):>8,}"
        f"{len(refused):>8,}{sum(statuses.values()) - len(good) - len(refused):>7}"
        f"{_middle(good):>9}{_high(good):>9}{_middle(refused):>9}{longest:>9.0f}{phase.rss:>9.0f}{back:>9}"
    )


def _middle(values: list[float]) -> str:
    return f"{statistics.median(values):.1f}" if values else "-"


def _high(values: list[float]) -> str:
    return f"{values[len(values) * 99 // 100]:.1f}" if values else "-"


class Soak:
    """One run; everything it writes goes to `data`."""

    def __init__(self, plan: Plan, data: Path) -> None:
        self._plan = plan
        addresses = free_addresses(random.Random())
        self._program = programs.kafka(addresses.kafka, addresses.kafka_controller, data)
        self._kafka = str(addresses.kafka)
        self._data = data
        self._phases: list[Phase] = []

    async def run(self) -> Report:
        """Run to the end. Raises TimeoutError where the collector does not recover."""
        async with AsyncExitStack() as stack:
            broker = await stack.enter_async_context(running(self._program, self._data / "kafka.log"))
            await create_topics(KafkaSettings(kafka_bootstrap_servers=self._kafka), topics.ALL)
            log = self._data / "collector.log"
            timeout = self._plan.publish_timeout
            child = await stack.enter_async_context(collector(self._kafka, log, publish_timeout=timeout))
            pid, load = child.run.pid, Load(child.address, self._plan.rate)
            await self._loaded(stack, child, load, broker)
            same = child.run.returncode is None and child.run.pid == pid
            return Report(self._plan, self._phases, await ids_on_topic(self._kafka), same, child.log())

    async def _loaded(self, stack: AsyncExitStack, child: Child, load: Load, broker: Run) -> None:
        sampling = asyncio.create_task(self._sample(child))
        sending = asyncio.create_task(load.run())
        try:
            self._phase("up")
            await load.until(lambda seen: seen.steady(self._phases[-1].began + self._plan.calm), 60)
            await self._outages(stack, load, broker)
        finally:
            load.stop()
            await sending
            sampling.cancel()
        self._phases[-1].ended = time.monotonic()
        for phase in self._phases:
            phase.outcomes = [seen for seen in load.outcomes if phase.began <= seen.left < phase.ended]

    async def _outages(self, stack: AsyncExitStack, load: Load, broker: Run) -> None:
        self._phase("killed")
        await broker.kill()
        await asyncio.sleep(self._plan.outage)
        again = await Run.start(self._program.command, self._data / "kafka.log", os.environ)
        stack.push_async_callback(again.stop, 20.0)
        await ready(self._program, again, 60)
        await self._recovery(load, "started")
        self._phase("stopped")
        os.kill(again.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self._plan.outage)
        finally:
            os.kill(again.pid, signal.SIGCONT)
        await self._recovery(load, "continued")

    async def _recovery(self, load: Load, name: str) -> None:
        phase = self._phase(name)
        await load.until(lambda seen: seen.steady(phase.began), RECOVERY_SECONDS)
        refused = [seen for seen in load.outcomes if seen.left >= phase.began and seen.status != 202]
        phase.recovered = max((seen.left for seen in refused), default=phase.began) - phase.began
        await load.until(lambda seen: seen.steady(phase.began + self._plan.calm), RECOVERY_SECONDS)

    def _phase(self, name: str) -> Phase:
        now = time.monotonic()
        if self._phases:
            self._phases[-1].ended = now
        self._phases.append(Phase(name, now))
        return self._phases[-1]

    async def _sample(self, child: Child) -> None:
        while True:
            rss = await asyncio.to_thread(child.rss_mib)
            self._phases[-1].rss = max(self._phases[-1].rss, rss)
            await asyncio.sleep(0.5)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outage", type=float, default=60.0, help="seconds of each outage")
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second")
    parser.add_argument("--publish-timeout", type=float, default=10.0, help="seconds")
    options = parser.parse_args()
    quiet_client_logs()
    plan = Plan(options.outage, options.rate, options.publish_timeout)
    with tempfile.TemporaryDirectory(prefix="eventrail-soak-") as data:
        report = asyncio.run(Soak(plan, Path(data)).run())
    print("\n".join(report.table()))  # noqa: T201
    return 1 if report.missing or report.doubled else 0


if __name__ == "__main__":
    sys.exit(main())
