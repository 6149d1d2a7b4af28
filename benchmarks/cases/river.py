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
from benchmarks.cases import accept_latency
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.lag import Lag
from benchmarks.load import Order, Sent, send
from benchmarks.processes import Account, Use
from benchmarks.profiling import profile
from benchmarks.stack import Stack, stack
from eventrail.clickhouse import connect
from eventrail.contract.topics import ENRICHED, RAW

CASE = "river"
BATCH: Final = 10
RAW_BYTES: Final = "bytes of an event on the raw topic"
ENRICHED_BYTES: Final = "bytes of an event on the enriched topic"
SERVICES = ("collector", "enricher", "writer", "query-api", "auditor")
GROWTH_S: Final = 1.0
OF_A_FLOOD: Final = 0.8
"""Share of the rate at which a flood is stored that may be held: nothing is sent while the flood is worked off."""
SEARCH_S: Final = 20.0
PROFILED: Final = ("collector", "enricher", "writer")
PROFILED_S: Final = 5.0
DRAIN_S: Final = 600.0
STEP: Final = 0.92
HELD_SECONDS: Final = {True: 20.0, False: 300.0}


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
            figures += await asyncio.to_thread(_sizes, running)
            await _profiles(bench, running, figures[0].median)
            figures += await accept_latency.measure(bench, CASE, running.addresses.collector)
    return figures


async def start(running: Stack) -> None:
    """Everything, as `./dev up` has it."""
    await running.start("kafka", "clickhouse")
    await running.jobs()
    await running.start(*SERVICES)


async def _held_figures(bench: Bench, running: Stack, behind: Lag) -> list[Figure]:
    held = await highest(bench, running, behind)
    for stage, use in held.uses.items():
        bench.costs(f"{stage}, whole river", use, held.events)
    name = "accepted to queryable, sustained, batches of 10"
    return [
        Figure(CASE, name, "events/s", (held.events_per_second,), at_least(12_000)),
        Figure(CASE, "work that waits while it is held", "s", (held.end_s,)),
        *(
            Figure(CASE, f"memory of {stage} meanwhile", "MiB", (held.uses[stage].peak_mib,), at_most(200))
            for stage in SERVICES
        ),
    ]


def _sizes(running: Stack) -> list[Figure]:
    """Bytes of the topics' files for each event that is stored, repeats and replicas not taken off."""
    events = count(running)
    topics = {RAW_BYTES: RAW.name, ENRICHED_BYTES: ENRICHED.name}
    return [Figure(CASE, name, "bytes", (_bytes(running, topic) / events,)) for name, topic in topics.items()]


def _bytes(running: Stack, topic: str) -> int:
    logs = (running.folder / "kafka").rglob(f"{topic}-*/*.log")
    return sum(file.stat().st_size for file in logs)


async def highest(bench: Bench, running: Stack, behind: Lag) -> Held:
    """The highest rate that is held; searched in short holds from what a flood is worked off with, then held for long.

    Raises RuntimeError where an event that was accepted is missing or stored twice.
    """
    before, account = await asyncio.to_thread(count, running), Sendings()
    rate = await _search(bench, running, behind, account)
    while True:
        held = await hold(bench, running, behind, rate, HELD_SECONDS[bench.quick], account)
        if not held.grows:
            break
        rate *= STEP
    account.require_once(await asyncio.to_thread(count, running) - before)
    return held


@dataclass
class Sendings:
    """What was sent in all, to be found again."""

    fresh: int = 0
    refused: int = 0

    def add(self, sent: Sent) -> None:
        self.fresh += sent.fresh_events
        self.refused += sent.refused

    def require_once(self, stored: int) -> None:
        # What was refused is not sent again by this generator, so then nobody knows how many there should be.
        if not self.refused and stored != self.fresh:
            raise RuntimeError(f"{self.fresh:,} different events were accepted, and {stored:,} are stored")


async def require_once(running: Stack, sent: Sent) -> None:
    """For a table that was empty before: raises RuntimeError where an event of `sent` is missing or stored twice."""
    sendings = Sendings()
    sendings.add(sent)
    sendings.require_once(await asyncio.to_thread(count, running))


async def _search(bench: Bench, running: Stack, behind: Lag, account: Sendings) -> float:
    """Up in steps as long as it is held, else down until it is."""
    rate = OF_A_FLOOD * await flood(bench, running, behind, account)
    grew = (await hold(bench, running, behind, rate, SEARCH_S, account)).grows
    while True:
        following = rate * STEP if grew else rate / STEP
        held = await hold(bench, running, behind, following, SEARCH_S, account)
        if held.grows != grew:
            return following if grew else rate
        rate = following


async def flood(bench: Bench, running: Stack, behind: Lag, account: Sendings) -> float:
    """Send as fast as the collector takes it, wait until all of it is stored; events/s from the first to the last."""
    began = time.monotonic()
    sent = await send(order(bench, running, 10.0, warm_seconds=0.0))
    ended = await behind.drained(DRAIN_S)
    events = sum(sent.all_statuses.values()) * BATCH
    rate = events / (ended - began)
    bench.say(f"a flood of {events:,} events was stored at {rate:,.0f} events/s")
    account.add(sent)
    return rate


async def hold(
    bench: Bench, running: Stack, behind: Lag, rate: float, seconds: float, sendings: Sendings
) -> Held:
    """Send at `rate`, and wait until all of it is stored."""
    behind.samples.clear()
    account = running.account()
    watching = [asyncio.create_task(behind.watch()), asyncio.create_task(_look(account))]
    try:
        sent = await send(order(bench, running, seconds, rate=rate / BATCH))
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
    sendings.add(sent)
    bench.say(
        f"{rate:,.0f} events/s: work for {held.middle_s:.1f} s waits in the middle, {held.end_s:.1f} s at the end"
    )
    await behind.drained(DRAIN_S)
    return held


def order(
    bench: Bench, running: Stack, seconds: float, rate: float = 0.0, warm_seconds: float = 1.0
) -> Order:
    """A load of batches of 10 with ids that no other has; `rate` in requests a second, 0 for as fast as it goes."""
    address = running.addresses.collector
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


async def _profiles(bench: Bench, running: Stack, rate: float) -> None:
    """Profiles of the hot loops at the rate that was held."""
    sending = asyncio.create_task(
        send(order(bench, running, PROFILED_S * (len(PROFILED) + 1), rate=rate / BATCH))
    )
    for name in PROFILED:
        bench.profiles[f"{name}, whole river at {rate:,.0f} events/s"] = await profile(
            running.runs[name].pid, PROFILED_S, running.folder
        )
    await sending
