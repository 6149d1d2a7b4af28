"""How long each program takes from its start until it is ready, with empty data."""

import time
from typing import Final

from benchmarks.bench import Bench
from benchmarks.cases.river import SERVICES
from benchmarks.figures import Figure
from benchmarks.stack import stack

CASE = "starts"
BACKENDS: Final = ("kafka", "clickhouse")


async def measure(bench: Bench) -> list[Figure]:
    """Seconds of each, one after the other, in a new stack for each run."""
    taken: dict[str, list[float]] = {name: [] for name in (*BACKENDS, *SERVICES)}
    for number in range(1 if bench.quick else bench.runs):
        async with stack(bench.fresh(f"{CASE}-{number}")) as running:
            for name, values in taken.items():
                if name == SERVICES[0]:
                    await running.jobs()
                began = time.monotonic()
                await running.start(name)
                values.append(time.monotonic() - began)
    return [Figure(CASE, f"{name}, until it is ready", "s", tuple(values)) for name, values in taken.items()]
