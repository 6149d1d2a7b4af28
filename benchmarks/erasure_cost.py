"""What erasures cost the writer, per batch and per request: `python benchmarks/erasure_cost.py [ROWS]`.

On an engine of its own, with 10 websites, 100,000 remembered event ids and 10,000 visitor ids of one of them.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry

from devstack import programs
from devstack.ports import free_addresses
from devstack.single import running
from eventrail.clickhouse import connect
from eventrail.clock import SystemClock
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.erasures.request import Erasure
from eventrail.rows.events import Row, row
from writer.erasing import Erasing
from writer.erasure_tables import ErasureTables
from writer.metrics import metrics
from writer.migrations import migrate
from writer.retry import Backoff, Retry
from writer.table import Table
from writer.waiting import Waiting
from writer.withholding import Erased

NOW = SystemClock().now_ms()
RUNS = 15
FILL = """
INSERT INTO events (website_id, event_name, identity_day, event_id, event_type, timestamp, received_at, version,
    visitor_id, url, event_data)
SELECT concat('w', toString(number %% 10)), concat('n', toString(number %% 12)), toDate(now() - number %% 7000000),
    generateUUIDv4(), 'custom', now64(3) - toIntervalSecond(number %% 7000000),
    now64(3) - toIntervalSecond(number %% 7000000), number, concat('v', toString(intDiv(number, 200))),
    concat('https://shop.example/p/', toString(number %% 1000)), concat('{"a":', toString(number), '}')
FROM numbers(%(rows)s)
"""


async def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        program = programs.clickhouse(free_addresses(random.Random()).clickhouse, data)  # noqa: S311
        async with running(program, data / "engine.log"):
            url = f"clickhouse://default@{program.address}/costs"
            await asyncio.to_thread(migrate, url)
            await _batches(url)
            await asyncio.to_thread(_requests, url, rows)


async def _batches(url: str) -> None:
    tables = ErasureTables(url, timeout_seconds=60)
    ids, visitors = [uuid4() for _ in range(100_000)], [f"gone{number}" for number in range(10_000)]
    asked = [
        Erasure(uuid4(), "w1", NOW, NOW, tuple(visitors[part::100]), tuple(ids[part::100]))
        for part in range(100)
    ]
    tables.remember(asked, NOW)
    kinds = ("no erasures", "other website", "from memory", "from tables", "the insert")
    print(f"{'batch':>8} " + " ".join(f"{kind:>14}" for kind in kinds) + f"   ms, median of {RUNS}")
    for size in (100, 1_000, 5_000, 20_000):
        batch = [_row(number) for number in range(size)]
        works = [
            partial(_both, _erasing(tables, asked, most, websites), batch)
            for most, websites in ((200_000, set()), (200_000, {"w2"}), (200_000, {"w1"}), (0, {"w1"}))
        ]
        told = [await _median(work) for work in [*works, partial(asyncio.to_thread, _inserted, url, batch)]]
        print(f"{size:>8} " + " ".join(f"{ms:>14.3f}" for ms in told))
    tables.close()


def _erasing(tables: ErasureTables, asked: list[Erasure], most: int, websites: set[str]) -> Erasing:
    catalogue, clock = metrics(CollectorRegistry()), SystemClock()
    retry = Retry(Backoff(), Waiting(catalogue, clock.monotonic))
    nobody: Any = SimpleNamespace()
    erasing = Erasing(nobody, tables, tables, nobody, retry, catalogue, clock, most)
    # Asking Kafka costs one answer of it per second, at most.
    erasing._fresh_at = float("inf")  # noqa: SLF001
    erasing._websites = websites  # noqa: SLF001
    erasing._memory.add_visitors(asked)  # noqa: SLF001
    erasing._memory.add_events(  # noqa: SLF001
        Erased("w1", event, one.erasure_id) for one in asked for event in one.event_ids
    )
    # As later on: of the last ten minutes there is nothing to read again.
    erasing._seen_to_ms = NOW + 3_600_000  # noqa: SLF001
    return erasing


def _row(number: int) -> Row:
    event = EnrichedEvent(
        website_id="w1",
        event_id=str(UUID(int=random.getrandbits(128))),
        event_type=EventType.EVENT_TYPE_CUSTOM,
        event_name="n",
        timestamp_ms=NOW,
        received_at_ms=NOW,
        visitor_id=f"v{number // 3}",
    )
    return row(event, 0, number)


def _inserted(url: str, batch: list[Row]) -> None:
    table = Table(url, timeout_seconds=60, process=uuid4().hex)
    table.insert(batch)
    table.close()


async def _both(erasing: Erasing, batch: list[Row]) -> None:
    await erasing.recall(await erasing.withhold(batch))


async def _median(work: Callable[[], Awaitable[None]]) -> float:
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        await work()
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


def _requests(url: str, rows: int) -> None:
    client = connect(url, timeout_seconds=600)
    client.execute(FILL, {"rows": rows}, settings={"max_partitions_per_insert_block": 0})
    tables = ErasureTables(url, timeout_seconds=600)
    for name, count in (("one visitor", 1), ("1,000 visitors", 1000)):
        visitors = tuple(f"v{number}" for number in range(count))
        one = Erasure(uuid4(), "w1", NOW, NOW, visitors)
        for what in ("first sweep", "second sweep"):
            began = time.perf_counter()
            erased = tables.sweep(one)
            print(f"{rows:,} rows, {name}, {what}: {erased} events, {time.perf_counter() - began:.2f} s")
    began = time.perf_counter()
    client.execute("ALTER TABLE events APPLY DELETED MASK SETTINGS mutations_sync = 2")
    print(f"bytes off the disk: {time.perf_counter() - began:.2f} s")
    tables.close()
    client.disconnect()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
