"""The rate at which the river stores as the table grows, beside the rate with an empty table.

Two tables take turns under the name that the writer knows, so that both see the same minutes of the machine. What is
stored already is a shop of the 35 days up to now: what comes in meets the last of it in its partition.
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
_DAY_MS: Final = 86_400_000
_SPARE: Final = "events_spare"


async def measure(bench: Bench) -> list[Figure]:
    """Rates as shares of that with an empty table. Raises RuntimeError where an event is missing or stored twice."""
    async with stack(bench.fresh(CASE)) as running:
        await river.start(running)
        async with lag.measuring(str(running.addresses.kafka)) as behind:
            figures = []
            await asyncio.to_thread(_execute, running, f"CREATE TABLE {_SPARE} AS events")
            stored = 0
            for millions in MILLIONS[bench.quick]:
                bench.say(f"filling the table up to {millions} million events")
                await asyncio.to_thread(_add, running, (millions - stored) * 1_000_000, seed=millions)
                stored = millions
                bench.say(f"{millions} million events are stored")
                ratios = await _ratios(bench, running, behind)
                name = f"a flood stored with {millions} million events / with an empty table"
                figures.append(Figure(CASE, name, "ratio", ratios, at_least(0.95), relative=True))
    return figures


def _add(running: Stack, events: int, seed: int) -> None:
    """Put events into the table and merge them, as they are where nobody wrote for a while."""
    client = connect(running.clickhouse_url, timeout_seconds=3_600)
    first_day = (int(time.time() * 1000) // _DAY_MS - shop.DAYS + 1) * _DAY_MS
    shop.fill(client, events, seed, first_day_ms=first_day)
    client.execute("OPTIMIZE TABLE events FINAL")
    client.disconnect()


def _execute(running: Stack, *statements: str) -> None:
    client = connect(running.clickhouse_url, timeout_seconds=600)
    for statement in statements:
        client.execute(statement)
    client.disconnect()


async def _ratios(bench: Bench, running: Stack, behind: Lag) -> tuple[float, ...]:
    """Rates at which a flood is stored, as shares of the rate with an empty table; pairs begin in turn."""
    before, account, ratios = await asyncio.to_thread(river.count, running), river.Sendings(), []
    for run in range(bench.runs):
        rates: dict[bool, float] = {}
        for spare in (True, False) if run % 2 else (False, True):
            rates[spare] = await (
                _spare_flood(bench, running, behind)
                if spare
                else river.flood(bench, running, behind, account)
            )
        ratios.append(rates[False] / rates[True])
    account.require_once(await asyncio.to_thread(river.count, running) - before)
    return tuple(ratios)


async def _spare_flood(bench: Bench, running: Stack, behind: Lag) -> float:
    exchange, account = f"EXCHANGE TABLES events AND {_SPARE}", river.Sendings()
    await asyncio.to_thread(_execute, running, f"TRUNCATE TABLE {_SPARE}", exchange)
    rate = await river.flood(bench, running, behind, account)
    account.require_once(await asyncio.to_thread(river.count, running))
    await asyncio.to_thread(_execute, running, exchange)
    return rate
