"""The whole river: what it takes and holds, from an accepted request to a queryable row.

Held is a rate at which nothing grows: all requests are answered 202, and what waits on the topics is at the end no more
seconds of work than in the middle. What was sent is then counted by the engine: each event once.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import mean
from typing import Final

from benchmarks import lag
from benchmarks.bench import Bench
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.lag import Lag
from benchmarks.load import Order, Sent, send
from benchmarks.processes import Account, Use
from benchmarks.stack import Stack, stack
from eventrail.clickhouse import connect

CASE = "river"
BATCH: Final = 10
SERVICES = ("collector", "enricher", "writer", "query-api", "auditor")
GROWTH_S: Final = 1.0
DRAIN_S: Final = 600.0
STEP: Final = 0.92
_HELD_SECONDS: Final = {True: 20.0, False: 300.0}


@dataclass(frozen=True)
class Held:
    """A rate that was held (or not): seconds of work that waited in the middle and at the end, and what it took."""

    events_per_second: float
    middle_s: float
    end_s: float
    refused: int
    events: int
    uses: Mapping[str, Use]

    @property
    def grows(self) -> bool:
        return self.refused > 0 or self.end_s > self.middle_s + GROWTH_S


async def measure(bench: Bench) -> list[Figure]:
    """The rate that is held with an empty table, latencies beside it, memory, and that each event is there once."""
    async with stack(bench.fresh(CASE)) as running:
        await start(running)
        async with lag.measuring(str(running.addresses.kafka)) as behind:
            figures = await _held_figures(bench, running, behind)
            figures += await _latency(bench, running)
    return figures


async def start(running: Stack) -> None:
    """Everything, as `./dev up` has it."""
    await running.start("kafka", "clickhouse")
    await running.jobs()
    await running.start(*SERVICES)


async def _held_figures(bench: Bench, running: Stack, behind: Lag) -> list[Figure]:
    held = await highest(bench, running, behind)
    for stage in SERVICES:
        bench.costs(f"{stage}, whole river", held.uses[stage], held.events)
    name = "accepted to queryable, sustained, batches of 10"
    return [
        Figure(CASE, name, "events/s", (held.events_per_second,), at_least(12_000)),
        Figure(CASE, "work that waits while it is held", "s", (held.end_s,)),
        *(
            Figure(CASE, f"memory of {stage} meanwhile", "MiB", (held.uses[stage].peak_mib,), at_most(200))
            for stage in SERVICES
        ),
    ]


async def highest(bench: Bench, running: Stack, behind: Lag) -> Held:
    """The highest rate that is held, searched downwards from what a flood is worked off with. Checks the events."""
    seconds = _HELD_SECONDS[bench.quick]
    sent_before = count(running)
    fresh = 0
    flood, rate = await _flood(bench, running, behind)
    fresh += flood.fresh_events
    while True:
        held, sent = await _hold(bench, running, behind, rate, seconds)
        fresh += sent.fresh_events
        bench.say(
            f"{rate:,.0f} events/s: {held.middle_s:.1f} s of work wait in the middle, {held.end_s:.1f} s at the end"
        )
        await behind.drained(DRAIN_S)
        if not held.grows:
            break
        rate *= STEP
    _require_once(count(running) - sent_before, fresh, flood.refused + sent.refused)
    return held


async def _flood(bench: Bench, running: Stack, behind: Lag) -> tuple[Sent, float]:
    """Send as fast as the collector takes it, and see how long all of it takes to be stored."""
    began = time.monotonic()
    sent = await send(_order(bench, running, 10.0, warm_seconds=0.0))
    ended = await behind.drained(DRAIN_S)
    events = sum(sent.all_statuses.values()) * BATCH
    rate = events / (ended - began)
    bench.say(f"a flood of {events:,} events was stored at {rate:,.0f} events/s")
    return sent, rate


async def _hold(bench: Bench, running: Stack, behind: Lag, rate: float, seconds: float) -> tuple[Held, Sent]:
    behind.samples.clear()
    account = running.account()
    watching = [asyncio.create_task(behind.watch()), asyncio.create_task(_look(account))]
    try:
        sent = await send(_order(bench, running, seconds, rate=rate / BATCH))
    finally:
        for task in watching:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    waited = lag.seconds_behind(behind.samples)
    third = len(waited) // 3
    events = sum(sent.all_statuses.values()) * BATCH
    held = Held(
        events / (seconds + 1.0),
        mean(waited[third : 2 * third]),
        mean(waited[2 * third :]),
        sent.refused,
        events,
        account.end(),
    )
    return held, sent


def _order(
    bench: Bench, running: Stack, seconds: float, rate: float = 0.0, warm_seconds: float = 1.0
) -> Order:
    address = running.addresses.collector
    # Another seed each time: other ids.
    seed = bench.seed + int(time.time() * 1000)
    return Order(address.host, address.port, BATCH, seconds, rate=rate, seed=seed, warm_seconds=warm_seconds)


async def _look(account: Account) -> None:
    while True:
        account.look()
        await asyncio.sleep(1)


def count(running: Stack) -> int:
    """Events in the table, each once."""
    client = connect(running.clickhouse_url, timeout_seconds=120)
    [(found,)] = client.execute("SELECT count() FROM events FINAL")
    client.disconnect()
    return int(found)


def _require_once(stored: int, sent: int, refused: int) -> None:
    if not refused and stored != sent:
        raise RuntimeError(f"{sent:,} different events were sent and accepted, and {stored:,} are stored")


async def _latency(bench: Bench, running: Stack) -> list[Figure]:
    address = running.addresses.collector
    found = [
        await send(Order(address.host, address.port, 1, bench.seconds, rate=1_000, seed=bench.seed + number))
        for number in range(bench.runs)
    ]
    name = "accept latency at 1,000 single requests/s"
    return [
        Figure(CASE, f"{name}, p50", "ms", tuple(one.latency_ms["p50"] for one in found), at_most(3)),
        Figure(CASE, f"{name}, p99", "ms", tuple(one.latency_ms["p99"] for one in found), at_most(12)),
    ]
