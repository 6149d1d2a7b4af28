"""What CI watches: a few ratios that take seconds and hold on any machine, to find what got slower.

They are ratios of processor time, not of rates, so that they also hold on a machine with other work.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.bench import Bench
from benchmarks.cases.collector import ALONE, BARE, Try, ceilings, start_alone
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
            costs = _costs(await ceilings(bench, running, servers, batch))
            name = f"processor time of a request of {batch}: bare ASGI app / collector without broker"
            found.append(ratio(name, costs[BARE], costs[ALONE]))
    return found


def _costs(tries: Mapping[str, Sequence[Try]]) -> Mapping[str, Figure]:
    """Microseconds of processor time for each request of each server."""
    return {
        name: Figure(
            CASE,
            name,
            "µs",
            tuple(one.use.cpu_seconds / sum(one.sent.all_statuses.values()) * 1e6 for one in made),
        )
        for name, made in tries.items()
    }
