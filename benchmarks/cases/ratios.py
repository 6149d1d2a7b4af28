"""What CI watches: a few ratios that take seconds and hold on any machine, to find what got slower."""

from typing import Final

from benchmarks.bench import Bench
from benchmarks.cases.collector import ALONE, BARE, ceilings, rates_of, start_alone
from benchmarks.figures import Figure, ratio
from benchmarks.stack import stack

CASE = "ratios"
BATCHES: Final = (1, 50)


async def measure(bench: Bench) -> list[Figure]:
    """The collector's app without a broker beside the bare ASGI app."""
    return await collector_ratios(bench)


async def collector_ratios(bench: Bench, module: str = "benchmarks.collector_alone") -> list[Figure]:
    """`module` is the collector's program."""
    found = []
    async with stack(bench.fresh(CASE)) as running:
        servers = await start_alone(running, module)
        for batch in BATCHES:
            rates = rates_of(batch, await ceilings(bench, running, servers, batch))
            found.append(
                ratio(f"collector's app / bare ASGI app, batches of {batch}", rates[ALONE], rates[BARE])
            )
    return [Figure(CASE, one.name, one.unit, one.values, relative=True) for one in found]
