"""Memory of each service while events come in for an hour: what a million live visitors take, and that it stays.

The last quarter of the hour is compared with the one before it: by then most visitors have come before. A state is kept
for longer than the hour, so the enricher grows with each visitor who is new.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import mean
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import lag
from benchmarks.bench import Bench
from benchmarks.cases import river
from benchmarks.figures import Figure, at_most
from benchmarks.load import Order, send
from benchmarks.processes import MIB, resident_mib
from benchmarks.stack import Stack, stack

CASE = "memory"
BATCH: Final = 5
RATE: Final = 1_000
"""Requests a second."""
SECONDS: Final = {True: 60.0, False: 3600.0}
VISITORS: Final = {True: 20_000, False: 1_200_000}
LOOK_EVERY_S: Final = 5.0
SAY_EVERY_S: Final = 60.0
SERVICE_MIB: Final = 200
STATE_BYTES: Final = 250
GROWTH_MIB: Final = 5
SESSIONS: Final = "eventrail_enricher_sessions"
_PERIOD: Final = {"start_date": "2020-01-01", "end_date": "2099-12-31"}
QUESTIONS: Final = (("events", _PERIOD), ("events/properties", {**_PERIOD, "event_name": "purchase"}))


@dataclass
class Watch:
    """What was seen each few seconds: memory of each service in MiB, and the session states of the enricher."""

    running: Stack
    memory: Mapping[str, list[float]] = field(default_factory=lambda: {name: [] for name in river.SERVICES})
    states: list[float] = field(default_factory=list)

    async def look(self, client: httpx.AsyncClient) -> None:
        """Note it once; asks the query API something meanwhile, as a dashboard would."""
        self.states.append(await self._states(client))
        for name, seen in self.memory.items():
            seen.append(resident_mib(self.running.runs[name].pid))
        for path, parameters in QUESTIONS:
            url = f"{self.running.addresses.query_api.url}/api/websites/site-0/{path}"
            (await client.get(url, params=parameters)).raise_for_status()

    async def _states(self, client: httpx.AsyncClient) -> float:
        metrics = (await client.get(f"{self.running.addresses.enricher.url}/metrics")).text
        families = {family.name: family for family in text_string_to_metric_families(metrics)}
        return float(families[SESSIONS].samples[0].value)

    def __str__(self) -> str:
        services = ", ".join(f"{name} {seen[-1]:.0f}" for name, seen in self.memory.items())
        return f"{self.states[-1]:,.0f} session states; MiB: {services}"


async def measure(bench: Bench) -> list[Figure]:
    """Peak and growth of each service. Raises RuntimeError where an event is missing or stored twice."""
    async with stack(bench.fresh(CASE)) as running:
        await river.start(running)
        watch = Watch(running)
        watching = asyncio.create_task(_keep_looking(bench, watch))
        sent = await send(_order(bench, running))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        async with lag.measuring(str(running.addresses.kafka)) as behind:
            await behind.drained(river.DRAIN_S)
        await river.require_once(running, sent)
    return _figures(watch, f"{SECONDS[bench.quick] / 60:.0f} minutes of {RATE * BATCH:,} events/s")


def _order(bench: Bench, running: Stack) -> Order:
    address, visitors = running.addresses.collector, VISITORS[bench.quick]
    return Order(
        address.host,
        address.port,
        BATCH,
        SECONDS[bench.quick],
        rate=RATE,
        seed=bench.seed,
        visitors=visitors,
    )


async def _keep_looking(bench: Bench, watch: Watch) -> None:
    said = float("-inf")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        while True:
            await watch.look(client)
            if time.monotonic() - said > SAY_EVERY_S:
                said = time.monotonic()
                bench.say(str(watch))
            await asyncio.sleep(LOOK_EVERY_S)


def _figures(watch: Watch, load: str) -> list[Figure]:
    states = max(watch.states)
    most = dict.fromkeys(river.SERVICES, SERVICE_MIB) | {
        "enricher": SERVICE_MIB + round(states * STATE_BYTES / MIB)
    }
    quarter = len(watch.states) // 4
    figures = [Figure(CASE, f"session states, {load}", "states", (states,))]
    for name, seen in watch.memory.items():
        growth = mean(seen[-quarter:]) - mean(seen[-2 * quarter : -quarter])
        figures += [
            Figure(CASE, f"{name}, {load}", "MiB", (max(seen),), at_most(most[name])),
            Figure(CASE, f"{name}: the last quarter above the third", "MiB", (growth,), at_most(GROWTH_MIB)),
        ]
    return figures
