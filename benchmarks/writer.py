"""How fast the writer empties a filled topic: `python -m benchmarks.writer [EVENTS]` prints a table.

A real broker holds the events (benchmarks/enriched.py), a real writer process with its default settings writes them
into the embedded engine. Its pace is counted from its first commit on, and without the last hundredth of the events:
its start is left out, and the wait of a last batch that is not full. Beside it, in the same run: clickhouse-driver
alone inserts columns of the same events, made beforehand, in blocks of the same size.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
from clickhouse_driver import Client
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.enriched import records
from benchmarks.processes import cpu_seconds
from devstack import programs
from devstack.ports import Addresses, free_addresses
from devstack.process import Run
from devstack.readiness import quiet_client_logs
from devstack.single import running
from eventrail.clickhouse import connect
from eventrail.contract import topics
from eventrail.contract.codec import decode_enriched
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import Record, producer, send
from eventrail.rows.events import row
from eventrail.rows.stored import STORED_COLUMNS, stored_columns
from eventrail.settings import KafkaSettings
from writer.group_offsets import GroupOffsets, partitions_of
from writer.migrations import migrate

EVENTS: Final = 500_000
BARE_BLOCKS: Final = 6
_LOOK_S: Final = 0.02
_ENOUGH: Final = 0.99
_LIMIT_S: Final = 600.0
_STOP_S: Final = 20.0
_SENT_TOGETHER: Final = 10_000


@dataclass(frozen=True)
class Pace:
    """Rows of one second, and processor seconds (user and system) of the inserting process for a million of them."""

    rows_per_second: float
    cpu_seconds_per_million: float


NOTHING: Final = Pace(0, 0)


@dataclass(frozen=True)
class Writing:
    """What a run found: the writer's pace, memory (RSS) and blocks, and the pace of the driver alone beside it."""

    events: int
    writer: Pace
    peak_mib: float
    rows_per_block: float
    bare: Pace


def peak_mib(pid: int) -> float:
    """The most memory that the process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def fill(kafka: KafkaSettings, url: str, events: int) -> list[bytes]:
    """Put the events on the topic; returns the values of enough of them for the driver alone."""
    await create_topics(kafka, topics.ALL)
    partitions = len(await partitions_of(kafka))
    client = connect(url, timeout_seconds=600)
    kept: list[bytes] = []
    waiting: list[list[Record]] = [[] for _ in range(partitions)]
    async with producer(kafka) as sender:
        for number, record in records(client, events):
            of_partition = waiting[number % partitions]
            of_partition.append(record)
            if len(of_partition) == _SENT_TOGETHER:
                await send(sender, topics.ENRICHED.name, number % partitions, of_partition)
                of_partition.clear()
            if len(kept) < BARE_BLOCKS * 20_000:
                kept.append(record.value or b"")
        for partition, rest in enumerate(waiting):
            await send(sender, topics.ENRICHED.name, partition, rest)
    client.disconnect()
    return kept


async def written(offsets: GroupOffsets, run: Run) -> tuple[Pace, int]:
    """The pace of a writer that was just started, from its first commit on, and how many events there are.

    Up to the last hundredth of them: a batch that is not full waits for more.
    """
    began: tuple[int, float, float] | None = None
    async with asyncio.timeout(_LIMIT_S):
        while True:
            places = (await offsets.places()).values()
            now, used = time.monotonic(), cpu_seconds(run.pid)
            committed, events = (
                sum(place.committed for place in places),
                sum(place.end for place in places),
            )
            if committed and began is None:
                began = committed, now, used
            if began is not None and committed >= events * _ENOUGH:
                break
            await asyncio.sleep(_LOOK_S)
    rows = committed - began[0]
    return Pace(rows / (now - began[1]), 1_000_000 * (used - began[2]) / rows), events


def rows_per_block(metrics_url: str) -> float:
    """Rows of each insert so far, as the writer counts them."""
    text = httpx.get(metrics_url, timeout=10, trust_env=False).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    values = {sample.name: sample.value for sample in samples if not sample.labels}
    return values["eventrail_writer_rows_inserted_total"] / values["eventrail_writer_inserts_total"]


def bare(url: str, values: Sequence[bytes], block: int) -> Pace:
    """clickhouse-driver alone, with columns that are made already; blocks. Values of the topic, rows of each block."""
    client = Client.from_url(url)
    insert = f"INSERT INTO events ({', '.join(STORED_COLUMNS)}) VALUES"
    ready = [columns_of(values[at : at + block]) for at in range(0, len(values) - block + 1, block)]
    wall, cpu = time.monotonic(), time.process_time()
    for columns in ready:
        client.execute(insert, columns, columnar=True, settings={"max_partitions_per_insert_block": 0})
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    client.disconnect()
    return Pace(block * len(ready) / wall, 1_000_000 * cpu / (block * len(ready)))


def columns_of(values: Sequence[bytes]) -> list[Sequence[Any]]:
    return stored_columns([row(decode_enriched(value), 0, offset) for offset, value in enumerate(values)])


async def measure(folder: Path, events: int = EVENTS) -> Writing:
    """One run with its own broker, engine and writer, which store in `folder`. Raises StartFailed, TimeoutError."""
    quiet_client_logs()
    addresses = free_addresses(random.Random())  # noqa: S311 - ports are no secret
    kafka, clickhouse = programs.backends(addresses, folder)
    url = f"clickhouse://default@{clickhouse.address}/writing"
    alone = f"clickhouse://default@{clickhouse.address}/alone"
    async with running(kafka, folder / "kafka.log"), running(clickhouse, folder / "clickhouse.log"):
        for database in (url, alone):
            await asyncio.to_thread(migrate, database)
        settings = KafkaSettings(kafka_bootstrap_servers=str(kafka.address))
        values = await fill(settings, url, events)
        found = await _writer_of(addresses, url, settings, folder)
        block = min(int(found.rows_per_block), len(values))
        return replace(found, bare=await asyncio.to_thread(bare, alone, values, block))


async def _writer_of(addresses: Addresses, url: str, kafka: KafkaSettings, folder: Path) -> Writing:
    os.environ.update(
        EVENTRAIL_WRITER_LISTEN=str(addresses.writer),
        EVENTRAIL_CLICKHOUSE_URL=url,
        EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=str(addresses.kafka),
        EVENTRAIL_LOG_LEVEL="WARNING",
    )
    [program] = [one for one in programs.services(addresses) if one.name == "writer"]
    offsets = GroupOffsets(kafka, topics.WRITER_GROUP)
    await offsets.places()  # connected before the writer begins
    run = await Run.start(program.command, folder / "writer.log", os.environ)
    try:
        pace, events = await written(offsets, run)
        rows = await asyncio.to_thread(rows_per_block, f"{addresses.writer.url}/metrics")
        return Writing(events, pace, peak_mib(run.pid), rows, NOTHING)
    finally:
        await run.stop(_STOP_S)
        await offsets.close()


def told(found: Writing) -> str:
    """A table for people."""
    heads = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {found.events:,} events"
    lines = [
        f"| {name} | {pace.rows_per_second:,.0f} | {pace.cpu_seconds_per_million:.1f} |"
        for name, pace in (("writer", found.writer), ("clickhouse-driver alone", found.bare))
    ]
    return "\n".join(
        (
            f"{heads}, {found.rows_per_block:,.0f} rows in a block, writer's memory {found.peak_mib:.0f} MiB",
            "",
            "| | rows/s | processor seconds a million rows |",
            "|---|---:|---:|",
            *lines,
            f"| ratio | {found.writer.rows_per_second / found.bare.rows_per_second:.2f} | |",
        )
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="writer-") as temporary:
        chosen = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
        print(told(asyncio.run(measure(Path(temporary), chosen))))
