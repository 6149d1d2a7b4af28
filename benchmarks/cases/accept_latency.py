"""How long a tracker waits for its 202 at 1,000 single requests a second, an open loop."""

from benchmarks.bench import Bench
from benchmarks.figures import Figure, at_most
from benchmarks.load import Order, send
from devstack.ports import Address


async def measure(bench: Bench, case: str, collector: Address, circumstances: str = "") -> list[Figure]:
    """Percentiles as figures of `case`; `circumstances` stand behind the name."""
    found = [
        await send(
            Order(collector.host, collector.port, 1, bench.seconds, rate=1_000, seed=bench.seed + number)
        )
        for number in range(bench.runs)
    ]
    name = f"accept latency at 1,000 single requests/s{circumstances}"
    return [
        Figure(case, f"{name}, p50", "ms", tuple(one.latency_ms["p50"] for one in found), at_most(3)),
        Figure(case, f"{name}, p99", "ms", tuple(one.latency_ms["p99"] for one in found), at_most(12)),
    ]
