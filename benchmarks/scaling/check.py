"""Does the model tell what two of each service do? Both are measured in one run on this machine.

Once with one collector, enricher and writer, for the costs; then with two of each. On one machine all share its
processors, so the model says: the rate is what the processors give divided by what an event costs all of them.
"""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks import lag
from benchmarks.bench import Bench
from benchmarks.cases import river
from benchmarks.figures import written
from benchmarks.load import send
from benchmarks.scaling.model import on_one_machine
from benchmarks.stack import Stack, stack

STAGES: Final = ("collector", "enricher", "writer", "auditor", "kafka", "clickhouse")
WITHIN: Final = 0.2
"""How far the model may be off."""


@dataclass(frozen=True)
class Flood:
    """What processes did with a flood: events stored a second, and processor seconds of a million events."""

    events_per_second: float
    costs: Mapping[str, float]
    busy: float
    """Share of the machine's processors that all of it kept busy."""


async def compare(bench: Bench) -> str:
    """Both measurements, the prediction, and how far it is off. Raises AssertionError where that is too far."""
    async with stack(bench.fresh("scaling")) as running:
        await river.start(running)
        async with lag.measuring(str(running.addresses.kafka)) as behind:
            one = await _flood(bench, running, behind, [running.addresses.collector.port])
            second = await running.start_another("collector")
            for name in ("enricher", "writer"):
                await running.start_another(name)
            ports = [running.addresses.collector.port, running.ports[second]]
            two = await _flood(bench, running, behind, ports)
    predicted = on_one_machine(one.costs, os.cpu_count() or 1, one.busy)
    off = two.events_per_second / predicted - 1
    said = (
        f"one of each: {written(one.events_per_second)} events/s, {one.busy:.0%} of the processors busy\n"
        f"two of each, by the model: {written(predicted)} events/s\n"
        f"two of each, measured: {written(two.events_per_second)} events/s ({off:+.0%}), {two.busy:.0%} busy"
    )
    assert abs(off) <= WITHIN, said
    return said


async def _flood(bench: Bench, running: Stack, behind: lag.Lag, ports: Sequence[int]) -> Flood:
    account = running.account()
    began = time.monotonic()
    sent = await asyncio.gather(
        *(
            send(replace(river.order(bench, running, bench.seconds), port=port, seed=bench.seed + port))
            for port in ports
        )
    )
    ended = await behind.drained(river.DRAIN_S)
    events = river.BATCH * sum(sum(one.all_statuses.values()) for one in sent)
    seconds = {name: use.cpu_seconds for name, use in account.end().items()}
    seconds["generator"] = sum(one.cpu_seconds for one in sent)
    busy = sum(seconds.values()) / (ended - began) / (os.cpu_count() or 1)
    bench.say(f"{len(ports)} collectors: {events:,} events in {ended - began:.1f} s")
    return Flood(events / (ended - began), {name: one / events * 1e6 for name, one in seconds.items()}, busy)
