"""The writer under a steady load while ClickHouse is away: memory, backlog, time to drain.

`python -m tests.faults.outage.clickhouse --minutes 10 --rate 300` runs it by hand and prints the table; a test runs the
same for seconds.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from devstack.readiness import quiet_client_logs
from devstack.single import broker
from tests.faults.outage.river import River, river

DRAIN_SECONDS = 300.0


@dataclass(frozen=True)
class Plan:
    """`rate` in events a second, the others in seconds; `frozen` stops the engine's process and not its port."""

    outage: float = 600.0
    rate: float = 300.0
    calm: float = 20.0
    frozen: bool = False


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment."""

    rss_mib: float
    waiting_events: float
    lag: float


@dataclass
class Phase:
    """A part of the run, named by what the engine does."""

    name: str
    began: float
    ended: float = 0.0
    sent: int = 0
    samples: list[Sample] = field(default_factory=list)

    @property
    def rss_mib(self) -> float:
        return max((sample.rss_mib for sample in self.samples), default=0.0)


@dataclass
class Report:
    """What came out."""

    plan: Plan
    phases: list[Phase]
    drained_s: float
    backlog: int
    sent: int
    missing: int
    copies: int
    rejected: float
    same_process: bool

    @property
    def growth_mib(self) -> float:
        """How far the writer's memory rose during the outage above its highest before."""
        return self.phases[1].rss_mib - self.phases[0].rss_mib

    def late_growth_mib(self) -> float:
        """How far it rose in the second half of the outage above its highest in the first half."""
        samples = [sample.rss_mib for sample in self.phases[1].samples]
        middle = len(samples) // 2
        return max(samples[middle:]) - max(samples[:middle])

    def table(self) -> Iterator[str]:
        """For a person."""
        yield f"{'engine':<10}{'s':>8}{'sent':>10}{'lag at end':>12}{'waiting max':>13}{'RSS MiB max':>13}"
        for phase in self.phases:
            lag = phase.samples[-1].lag if phase.samples else 0
            waiting = max((sample.waiting_events for sample in phase.samples), default=0)
            yield (
                f"{phase.name:<10}{phase.ended - phase.began:>8.1f}{phase.sent:>10,}{lag:>12,.0f}"
                f"{waiting:>13,.0f}{phase.rss_mib:>13.1f}"
            )
        yield (
            f"backlog of {self.backlog:,} events drained in {self.drained_s:.1f} s "
            f"({self.backlog / max(self.drained_s, 0.1):,.0f} events/s, with {self.plan.rate:g} more each second)"
        )
        yield (
            f"sent {self.sent:,}, missing {self.missing}, copies in the table {self.copies}, "
            f"rejected {self.rejected:g}, same process: {'yes' if self.same_process else 'NO'}"
        )
        yield (
            f"writer's memory: +{self.growth_mib:.1f} MiB in the outage, "
            f"{self.late_growth_mib():+.1f} MiB in its second half"
        )


async def measure(there: River, plan: Plan) -> Report:
    """One outage in a river that runs."""
    pid = there.writer.process.pid
    phases = [await _phase(there, "there", plan.calm)]
    await _go(there, frozen=plan.frozen)
    phases.append(await _phase(there, "frozen" if plan.frozen else "away", plan.outage))
    await _come_back(there, frozen=plan.frozen)
    backlog = len(there.load.ids) - there.events()
    drained, drained_s = await _drained(there)
    phases.append(drained)
    phases.append(await _phase(there, "there", plan.calm))
    return await _report(there, plan, phases, drained_s, backlog, pid)


async def _go(there: River, *, frozen: bool) -> None:
    if frozen:
        there.engine.freeze()
    else:
        await there.engine.stop()


async def _come_back(there: River, *, frozen: bool) -> None:
    if frozen:
        there.engine.thaw()
        await there.until(lambda: there.counts() is not None, 30)
    else:
        await there.engine.start()


async def _phase(there: River, name: str, seconds: float) -> Phase:
    phase = Phase(name, time.monotonic())
    before = len(there.load.ids)
    while time.monotonic() - phase.began < seconds:
        await _sample(there, phase)
        await asyncio.sleep(min(1.0, seconds / 10))
    phase.ended, phase.sent = time.monotonic(), len(there.load.ids) - before
    return phase


async def _sample(there: River, phase: Phase) -> None:
    assert there.writer.process.returncode is None, there.writer.process.log_end()
    try:
        told = await there.writer.metrics()
    except httpx.HTTPError:
        return  # busy for a moment; the next look tells
    phase.samples.append(
        Sample(there.writer.rss_mib(), told.get("waiting_events", 0), told.get("lag_records", 0))
    )


async def _drained(there: River) -> tuple[Phase, float]:
    """Until all that had been sent before this moment is stored."""
    phase = Phase("draining", time.monotonic())
    target = len(there.load.ids)
    async with asyncio.timeout(DRAIN_SECONDS):
        while await asyncio.to_thread(there.events) < target:
            await _sample(there, phase)
            await asyncio.sleep(0.2)
    phase.ended, phase.sent = time.monotonic(), len(there.load.ids) - target
    return phase, phase.ended - phase.began


async def _report(
    there: River, plan: Plan, phases: list[Phase], drained_s: float, backlog: int, pid: int
) -> Report:
    sent = list(there.load.ids)
    await there.until(lambda: there.events() >= len(sent), 60)
    stored = await asyncio.to_thread(there.stored_ids)
    rows, events = there.counts() or (0, 0)
    told = await there.writer.metrics()
    return Report(
        plan,
        phases,
        drained_s,
        backlog,
        len(sent),
        len(set(sent) - stored),
        rows - events,
        told.get("rejected_total", 0),
        there.writer.process.pid == pid and there.writer.process.returncode is None,
    )


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 where nothing is missing and the process is the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the engine is away")
    parser.add_argument("--rate", type=float, default=300.0, help="events a second")
    parser.add_argument(
        "--frozen", action="store_true", help="stop the engine's process instead of ending it"
    )
    options = parser.parse_args(arguments)
    quiet_client_logs()
    report = asyncio.run(_alone(Plan(60 * options.minutes, options.rate, frozen=options.frozen)))
    sys.stdout.write("\n".join(report.table()) + "\n")
    return 0 if report.same_process and not report.missing and not report.rejected else 1


async def _alone(plan: Plan) -> Report:
    with tempfile.TemporaryDirectory(prefix="eventrail-outage-") as name:
        folder = Path(name)
        async with broker(folder / "broker") as kafka, river(folder, kafka, plan.rate) as there:
            return await measure(there, plan)


if __name__ == "__main__":
    sys.exit(main())
