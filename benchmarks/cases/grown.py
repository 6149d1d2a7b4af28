"""The rate that the river holds as the table grows, beside the one that it holds with an empty table.

What is stored already is a shop of the 35 days up to now, so that what comes in meets the last of it in its partition.
"""

import asyncio
import time
from typing import Final

from benchmarks import lag, shop
from benchmarks.bench import Bench
from benchmarks.cases import river
from benchmarks.figures import Figure, at_least
from benchmarks.lag import Lag
from benchmarks.stack import Stack, stack
from eventrail.clickhouse import connect

CASE = "grown"
MILLIONS: Final = {True: (1,), False: (10, 50)}
SHARES: Final = (1.0, 0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
"""Of the empty rate; the first that is held counts."""
_DAY_MS: Final = 86_400_000


async def measure(bench: Bench) -> list[Figure]:
    """Rates, and their share of the empty one. Raises RuntimeError where an event is missing or stored twice."""
    async with stack(bench.fresh(CASE)) as running:
        await river.start(running)
        async with lag.measuring(str(running.addresses.kafka)) as behind:
            empty = (await river.highest(bench, running, behind)).events_per_second
            figures = [Figure(CASE, "sustained with an empty table", "events/s", (empty,))]
            stored = 0
            for millions in MILLIONS[bench.quick]:
                await asyncio.to_thread(_add, running, (millions - stored) * 1_000_000, seed=millions)
                stored = millions
                bench.say(f"{millions} million events are stored")
                share = await _share(bench, running, behind, empty)
                name = f"sustained with {millions} million events stored / with an empty table"
                figures.append(Figure(CASE, name, "ratio", (share,), at_least(0.95), relative=True))
    return figures


def _add(running: Stack, events: int, seed: int) -> None:
    """Put events into the table and merge them, as they are where nobody wrote for a while."""
    client = connect(running.clickhouse_url, timeout_seconds=3_600)
    first_day = (int(time.time() * 1000) // _DAY_MS - shop.DAYS + 1) * _DAY_MS
    shop.fill(client, events, seed, first_day_ms=first_day)
    client.execute("OPTIMIZE TABLE events FINAL")
    client.disconnect()


async def _share(bench: Bench, running: Stack, behind: Lag, empty: float) -> float:
    """The share of `empty` that is held; 0 where none of SHARES is."""
    before, account = await asyncio.to_thread(river.count, running), river.Sendings()
    found = 0.0
    for share in SHARES:
        held = await river.hold(
            bench, running, behind, share * empty, river.HELD_SECONDS[bench.quick], account
        )
        if not held.grows:
            found = share
            break
    account.require_once(await asyncio.to_thread(river.count, running) - before)
    return found
