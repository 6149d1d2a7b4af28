"""Freshness: from the 202 to the row that a query sees, by single probes, while other events come in at a given rate.

The engine is asked every few milliseconds which probes it shows; so a figure may be that much too high, never too low.
"""

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

import httpx

from benchmarks.bench import Bench
from benchmarks.cases import river
from benchmarks.figures import Bound, Figure, at_most
from benchmarks.load import Order, send
from benchmarks.stack import Stack, stack
from eventrail.clickhouse import connect

CASE = "freshness"
ASK_EVERY_S: Final = 0.02
LIMIT_S: Final = 60.0
PROBES: Final = {True: 15, False: 60}

RATES: Final[Sequence[tuple[float, dict[str, Bound]]]] = (
    (1, {"max": at_most(5.3)}),
    (100, {}),
    (5_000, {"p95": at_most(2)}),
)
"""Events a second in all, and what is asked of them in seconds."""


class Watch(threading.Thread):
    """Notes when the engine first shows an event of `website`; ids -> monotonic seconds."""

    def __init__(self, url: str, website: str) -> None:
        super().__init__(daemon=True)
        self._client = connect(url)
        self._website = website
        self._ended = threading.Event()
        self.seen: dict[str, float] = {}

    def run(self) -> None:
        sql = "SELECT toString(event_id) FROM events FINAL WHERE website_id = %(website)s"
        while not self._ended.wait(ASK_EVERY_S):
            found = self._client.execute(sql, {"website": self._website})
            now = time.monotonic()
            for (event_id,) in found:
                self.seen.setdefault(event_id, now)

    def end(self) -> None:
        self._ended.set()
        self.join()
        self._client.disconnect()


async def measure(bench: Bench) -> list[Figure]:
    """Percentiles at 1, 100 and 5,000 events a second."""
    async with stack(bench.fresh(CASE)) as running:
        await river.start(running)
        figures = []
        for rate, bounds in RATES:
            waited = sorted(await _probe(bench, running, rate))
            bench.say(f"{rate:,} events/s: {waited[len(waited) // 2]:.2f} s, at most {waited[-1]:.2f} s")
            figures += _figures(rate, waited, bounds)
    return figures


def _figures(rate: float, waited: Sequence[float], bounds: dict[str, Bound]) -> list[Figure]:
    places = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    return [
        Figure(
            CASE,
            f"202 to visible at {rate:,} events/s, {name}",
            "s",
            (waited[min(int(share * len(waited)), len(waited) - 1)],),
            bounds.get(name),
        )
        for name, share in places.items()
    ]


async def _probe(bench: Bench, running: Stack, rate: float) -> list[float]:
    """One probe a second; the rest of `rate` comes from the load generator."""
    probes, website = PROBES[bench.quick], f"probe-{uuid4().hex}"
    watch = Watch(running.clickhouse_url, website)
    watch.start()
    background = asyncio.create_task(_background(bench, running, rate - 1, probes + 5.0))
    try:
        accepted = await _send_probes(running.addresses.collector.url, website, probes)
        async with asyncio.timeout(LIMIT_S):
            while len(watch.seen) < probes:  # noqa: ASYNC110 - the engine does not call
                await asyncio.sleep(ASK_EVERY_S)
        await background
    finally:
        background.cancel()
        await asyncio.to_thread(watch.end)
    return [watch.seen[event_id] - at for event_id, at in accepted.items()]


async def _background(bench: Bench, running: Stack, rate: float, seconds: float) -> None:
    if rate <= 0:
        return
    address = running.addresses.collector
    batch = 10 if rate > 1_000 else 1
    seed = bench.seed + int(rate)
    sent = await send(Order(address.host, address.port, batch, seconds, rate=rate / batch, seed=seed))
    if sent.refused:
        raise RuntimeError(f"at {rate:,.0f} events/s the collector answered {dict(sent.all_statuses)}")


async def _send_probes(collector: str, website: str, probes: int) -> dict[str, float]:
    """Ids, and when their 202 came (monotonic seconds); one a second."""
    accepted = {}
    begun = time.monotonic()
    async with httpx.AsyncClient(base_url=collector, trust_env=False) as client:
        for number in range(probes):
            await asyncio.sleep(max(0.0, begun + number * 1.003 - time.monotonic()))
            event = {
                "website_id": website,
                "event_type": "custom",
                "event_name": "probe",
                "event_id": str(uuid4()),
                "timestamp": int(time.time() * 1000),
                "event_data": json.dumps({"number": number}),
            }
            answer = await client.post("/api/collect", json=event)
            accepted[str(event["event_id"])] = time.monotonic()
            if answer.status_code != 202:
                raise RuntimeError(f"the collector refuses the probe: {answer.text}")
    return accepted
