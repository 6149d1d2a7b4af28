"""ClickHouse away while events come in: what the backlog takes to be worked off, and that each event is there once."""

import asyncio
import time
from typing import Final

from benchmarks import lag
from benchmarks.bench import Bench
from benchmarks.cases import river
from benchmarks.figures import Figure, at_most
from benchmarks.load import send
from benchmarks.stack import stack

CASE = "outage"
RATE: Final = 1_000
AWAY_S: Final = {True: 10.0, False: 600.0}
CALM_S: Final = 3.0


async def measure(bench: Bench) -> list[Figure]:
    """Seconds from the engine's return until nothing waits, and the writer's memory. Raises RuntimeError for a loss."""
    away = AWAY_S[bench.quick]
    async with stack(bench.fresh(CASE)) as running:
        await river.start(running)
        account = running.account(("writer", "enricher"))
        order = river.order(bench, running, away + 2 * CALM_S, rate=RATE / river.BATCH)
        sending = asyncio.create_task(send(order))
        await asyncio.sleep(CALM_S)
        await running.stop("clickhouse")
        await asyncio.sleep(away)
        account.look()
        await running.start("clickhouse")
        back = time.monotonic()
        sent = await sending
        async with lag.measuring(str(running.addresses.kafka)) as behind:
            drained = await behind.drained(river.DRAIN_S)
        uses = account.end()
        await river.require_once(running, sent)
    name = f"ClickHouse away for {away:.0f} s at {RATE:,} events/s"
    return [
        Figure(CASE, f"{name}: until nothing waits any more", "s", (drained - back,)),
        Figure(CASE, f"{name}: memory of the writer", "MiB", (uses["writer"].peak_mib,), at_most(200)),
        Figure(CASE, f"{name}: memory of the enricher", "MiB", (uses["enricher"].peak_mib,), at_most(200)),
    ]
