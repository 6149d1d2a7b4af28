"""What is sent, and the process that sends it: `await send(Order(...))`."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from benchmarks.load.traffic import VISITORS


@dataclass(frozen=True)
class Order:
    """What to send where: requests of `batch` events over `connections` connections for `seconds`.

    `rate` in requests a second is an open loop, 0 a closed one. What is sent in the `warm_seconds` before counts only
    in `Sent.all_statuses` and `Sent.fresh_events`.
    """

    host: str
    port: int
    batch: int
    seconds: float
    connections: int = 64
    rate: float = 0.0
    warm_seconds: float = 1.0
    seed: int = 1
    path: str = "/api/collect"
    visitors: int = VISITORS


@dataclass(frozen=True)
class Sent:
    """What came of it: answers by status, `fresh_events` different events sent in all, latencies as percentiles in ms.

    `cpu_seconds` is what the generator itself used.
    """

    requests: int
    seconds: float
    statuses: Mapping[str, int]
    all_statuses: Mapping[str, int]
    fresh_events: int
    latency_ms: Mapping[str, float]
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Requests answered with 202, per second."""
        return self.statuses.get("202", 0) / self.seconds

    @property
    def refused(self) -> int:
        """Answers other than 202, in all."""
        return sum(count for status, count in self.all_statuses.items() if status != "202")


async def send(order: Order) -> Sent:
    """Run the generator in a process of its own. Raises RuntimeError with what it wrote where it failed."""
    command = (sys.executable, "-m", "benchmarks.load", json.dumps(asdict(order)))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        said, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"the load generator failed:\n{complaint.decode(errors='replace')}")
    return Sent(**json.loads(said))
