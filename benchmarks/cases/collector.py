"""The collector: what one worker takes, with a sink in memory and with Kafka, beside a bare ASGI app.

Each run measures all servers one after the other, so that a ratio compares what was measured within seconds.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.cases import accept_latency
from benchmarks.figures import Figure, at_least, ratio
from benchmarks.load import Order, Sent, send
from benchmarks.processes import Use
from benchmarks.stack import Stack, stack
from devstack.ports import Address

CASE = "collector"
BARE, ALONE, COLLECTOR = "bare ASGI app", "collector, sink in memory", "collector, acks=all"
BATCHES = (1, 10, 50)


@dataclass(frozen=True)
class Try:
    """What one server did in one run."""

    sent: Sent
    use: Use
    batch: int

    @property
    def events_per_second(self) -> float:
        return self.sent.per_second * self.batch


async def measure(bench: Bench) -> list[Figure]:
    """Ceilings of the servers for 1, 10 and 50 events a request, and latencies at 1,000 requests a second."""
    async with stack(bench.fresh(CASE)) as running:
        servers = await start_alone(running)
        await running.start("kafka")
        await running.jobs(only=("topics create",))
        await running.start("collector")
        running.runs[COLLECTOR] = running.runs["collector"]
        servers = {**servers, COLLECTOR: running.addresses.collector}
        figures = []
        for batch in BATCHES:
            tries = await ceilings(bench, running, servers, batch)
            for found in tries[COLLECTOR]:
                total = sum(found.sent.all_statuses.values()) * batch
                bench.costs(f"collector, {_events(batch)}", found.use, total)
            figures += _figures(batch, tries)
        figures += await accept_latency.measure(
            bench, CASE, running.addresses.collector, ", nothing else running"
        )
    return figures


async def start_alone(running: Stack, module: str = "benchmarks.collector_alone") -> Mapping[str, Address]:
    """Start the bare app and the collector without a broker, at the ports of the engine and the auditor."""
    bare, alone = running.addresses.clickhouse, running.addresses.auditor
    python = (sys.executable, "-m")
    await running.run(BARE, (*python, "benchmarks.baselines.bare_asgi", str(bare)), bare)
    await running.run(ALONE, (*python, module, str(alone)), alone)
    return {BARE: bare, ALONE: alone}


async def ceilings(
    bench: Bench, running: Stack, servers: Mapping[str, Address], batch: int
) -> Mapping[str, Sequence[Try]]:
    """What each of the servers does in each run."""
    tries: dict[str, list[Try]] = {name: [] for name in servers}
    for number in range(bench.runs):
        for name, address in servers.items():
            tries[name].append(await _ceiling(bench, running, name, address, batch, number))
    return tries


async def _ceiling(bench: Bench, running: Stack, name: str, address: Address, batch: int, number: int) -> Try:
    account = running.account((name,))
    sent = await send(
        Order(address.host, address.port, batch, bench.seconds, seed=bench.seed + number, warm_seconds=1.0)
    )
    if sent.refused:
        raise RuntimeError(f"{name} answered {dict(sent.all_statuses)}")
    found = Try(sent, account.end()[name], batch)
    bench.say(f"{name}, batches of {batch}: {found.events_per_second:,.0f} events/s")
    return found


def _events(batch: int) -> str:
    return "single events" if batch == 1 else f"batches of {batch}"


def rates_of(batch: int, tries: Mapping[str, Sequence[Try]]) -> Mapping[str, Figure]:
    """Events a second of each server."""
    return {
        name: Figure(
            CASE,
            f"{name}, {_events(batch)}",
            "events/s",
            tuple(found.events_per_second for found in made),
            at_least(70_000) if name == COLLECTOR and batch == 50 else None,
        )
        for name, made in tries.items()
    }


def _figures(batch: int, tries: Mapping[str, Sequence[Try]]) -> list[Figure]:
    rates, one = rates_of(batch, tries), _events(batch)
    bound = at_least(0.6) if batch == 1 else None
    return [
        *rates.values(),
        ratio(f"{ALONE} / {BARE}, {one}", rates[ALONE], rates[BARE]),
        ratio(f"{COLLECTOR} / {BARE}, {one}", rates[COLLECTOR], rates[BARE], bound),
    ]
