"""What answers take, HTTP to HTTP.

`python -m benchmarks.answers [MILLIONS] [--rounds N] [--writing SECONDS ...] [--rate N] [--data DIR]`

The shop (benchmarks/shop.py: 200 websites, one of them with a tenth of all events) is filled into an embedded engine,
and the real query API in a process of its own is asked about that one website over 30 days, one question at a time.
First with merges settled; with --writing once more while another process inserts live events (benchmarks/live.py) as
fast as the writer's own code does (or at a rate), and has done so for SECONDS. Figures are medians in milliseconds,
with the fastest and the slowest; memory is the highest that the engine told of a question while it ran.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self
from uuid import uuid4

import httpx

from benchmarks import shop
from benchmarks.live import Live
from devstack import programs
from devstack.ports import Address, free_addresses
from devstack.process import Program
from devstack.readiness import http_ready, quiet_client_logs
from devstack.single import running
from eventrail.clickhouse import connect
from writer.migrations import migrate
from writer.table import Table

DATABASE = "answers"
PERIOD = {"start_date": "2026-01-20", "end_date": "2026-02-18"}
"""The last 30 of the 35 days that the shop has: what comes in while writing is in it."""

BIG = f"/api/websites/{shop.BIG}"
LONGEST_S = 120.0
BLOCK = 10_000


@dataclass(frozen=True)
class Question:
    """One request, and the milliseconds that its median may take with 10 million events."""

    name: str
    path: str
    target_ms: int
    parameters: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None

    def request(self) -> dict[str, Any]:
        if self.body is None:
            return {"method": "GET", "url": BIG + self.path, "params": {**PERIOD, **(self.parameters or {})}}
        return {"method": "POST", "url": BIG + self.path, "json": {**PERIOD, **self.body}}


QUESTIONS = (
    Question("list", "/events", 60, {}),
    Question("time series by day", "/events/timeseries", 40, {"event_name": "product_viewed"}),
    Question("properties", "/events/properties", 150, {"event_name": "product_viewed"}),
    Question("properties of purchases", "/events/properties", 150, {"event_name": "purchase"}),
    Question(
        "breakdown of purchases, property x country, filtered",
        "/events/query",
        200,
        body={
            "event_name": "purchase",
            "metrics": ["count", "visitors", {"statistic": "sum", "field": "prop.amount"}],
            "group_by": ["prop.plan", "country"],
            "filters": [{"field": "device", "values": ["mobile", "desktop"]}],
        },
    ),
    Question(
        "breakdown of all events by name and day, filtered",
        "/events/query",
        200,
        body={
            "group_by": ["event_name"],
            "granularity": "day",
            "filters": [{"field": "channel", "values": ["Direct", "Email"]}],
        },
    ),
    Question(
        "funnel of three steps",
        "/funnels",
        200,
        body={
            "steps": [
                {"event_name": "product_viewed"},
                {"event_name": "add_to_cart"},
                {"event_name": "purchase"},
            ]
        },
    ),
)


@dataclass
class Figure:
    """Milliseconds of each round, and the most bytes of memory that the engine told of the question."""

    question: Question
    milliseconds: list[float]
    memory_bytes: int


class Memory:
    """Looks every few milliseconds how much memory the running questions use."""

    def __init__(self, url: str) -> None:
        self._client = connect(url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.highest = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.disconnect()

    def _look(self) -> None:
        sql = "SELECT max(peak_memory_usage) FROM system.processes WHERE query LIKE '%%matching%%'"
        while not self._stop.wait(0.005):
            self.highest = max(self.highest, self._client.execute(sql)[0][0])


def ask(client: httpx.Client, question: Question, rounds: int) -> list[float]:
    """Milliseconds of each round, after two that count for nothing."""
    taken = []
    for _ in range(rounds + 2):
        began = time.perf_counter()
        answer = client.request(**question.request())
        taken.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text
    return taken[2:]


def measure(api: str, engine: str, rounds: int) -> list[Figure]:
    """Every question in its turn; memory in rounds of their own, since looking costs time."""
    figures = []
    with httpx.Client(base_url=api, timeout=LONGEST_S) as client:
        for question in QUESTIONS:
            taken = ask(client, question, rounds)
            with Memory(engine) as memory:
                ask(client, question, 3)
            figures.append(Figure(question, taken, memory.highest))
    return figures


def report(state: str, api: str, engine: str, rounds: int) -> None:
    """Measure, and tell it with what the table was before and after."""
    before = table_now(engine)
    figures = measure(api, engine, rounds)
    print(f"\n{state}; load {os.getloadavg()[0]:.1f}; {before}, then {table_now(engine)}")
    print(
        "| question | median ms | fastest | slowest | target | memory MiB |\n|---|---:|---:|---:|---:|---:|"
    )
    for figure in figures:
        ms = figure.milliseconds
        print(
            f"| {figure.question.name} | {median(ms):.1f} | {min(ms):.1f} | {max(ms):.1f} | "
            f"{figure.question.target_ms} | {figure.memory_bytes / 2**20:.0f} |",
            flush=True,
        )


def fill(url: str, events: int) -> None:
    """The shop, merged to what the engine keeps when it is left alone."""
    migrate(url)
    client = connect(url, timeout_seconds=3_600)
    if client.execute("SELECT count() FROM events")[0][0] == 0:
        began = time.monotonic()
        shop.fill(client, events)
        client.execute("OPTIMIZE TABLE events FINAL")
        print(f"filled and merged in {time.monotonic() - began:.0f} s")
    client.disconnect()


def table_now(url: str) -> str:
    """Rows, parts and bytes of the table, in words."""
    rows, size, parts = _table(url)
    return f"{rows:,} rows in {parts} parts, {size / rows:.1f} bytes each"


def bytes_per_event(url: str) -> float:
    """Compressed bytes of all columns for each row."""
    rows, size, _ = _table(url)
    return size / rows


def _table(url: str) -> tuple[int, int, int]:
    client = connect(url)
    [(rows, size, parts)] = client.execute(
        "SELECT sum(rows), sum(data_compressed_bytes), count() FROM system.parts"
        " WHERE database = currentDatabase() AND table = 'events' AND active"
    )
    client.disconnect()
    return rows, size, parts


def insert_without_end(url: str, rate: float) -> None:
    """Blocks of 10,000 events, one after the other, on the writer's own way from an event to the table.

    At most `rate` events a second, 0 for as fast as it goes.
    """
    client = connect(url, timeout_seconds=600)
    live = Live(client, rate=25_000, seed=time.time_ns())
    client.disconnect()
    table = Table(url, timeout_seconds=600, process=uuid4().hex)
    began = time.monotonic()
    for number, rows in enumerate(live.blocks(BLOCK), start=1):
        table.insert(rows)
        if rate:
            time.sleep(max(0.0, began + number * BLOCK / rate - time.monotonic()))
        if number % 50 == 0:
            print(f"  writing {number * BLOCK / (time.monotonic() - began):,.0f} events/s", flush=True)


@contextmanager
def writing(url: str, seconds: float, rate: float) -> Iterator[None]:
    """Another process writes for `seconds`, and then for as long as the block lasts."""
    command = (sys.executable, "-m", "benchmarks.answers", "--insert", url, "--rate", str(rate))
    process = subprocess.Popen(command)
    try:
        time.sleep(seconds)  # parts have to pile up first
        yield
    finally:
        process.kill()
        process.wait()


def query_api(listen: Address, clickhouse: str) -> Program:
    command = (sys.executable, "-m", "query_api")
    os.environ.update(
        EVENTRAIL_QUERY_API_LISTEN=str(listen),
        EVENTRAIL_CLICKHOUSE_URL=clickhouse,
        EVENTRAIL_LOG_LEVEL="ERROR",
    )
    return Program("query-api", command, listen, http_ready(listen.url))


async def main(events: int, rounds: int, written_seconds: Sequence[float], rate: float, folder: Path) -> None:
    quiet_client_logs()
    print(f"{os.cpu_count()} processors, {events:,} events, medians of {rounds}")
    addresses = free_addresses(random.Random())  # noqa: S311 - ports are no secret
    async with running(programs.clickhouse(addresses.clickhouse, folder), folder / "clickhouse.log"):
        url = f"clickhouse://default@{addresses.clickhouse}/{DATABASE}"
        await asyncio.to_thread(fill, url, events)
        async with running(query_api(addresses.query_api, url), folder / "query-api.log"):
            api = addresses.query_api.url
            await asyncio.to_thread(report, "merges settled", api, url, rounds)
            for seconds in written_seconds:
                with writing(url, seconds, rate):
                    state = f"while writing, which began {seconds:g} s before"
                    await asyncio.to_thread(report, state, api, url, rounds)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("millions", nargs="?", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--writing", type=float, nargs="*", default=[], metavar="SECONDS")
    parser.add_argument(
        "--rate", type=float, default=0.0, help="of writing, in events/s; 0: as fast as it goes"
    )
    parser.add_argument("--data", type=Path, help="keep the filled engine here, and use it again")
    parser.add_argument("--insert", metavar="URL", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    chosen = options()
    if chosen.insert:
        insert_without_end(chosen.insert, chosen.rate)
    with tempfile.TemporaryDirectory(prefix="answers-") as temporary:
        data = chosen.data or Path(temporary)
        data.mkdir(exist_ok=True)
        asyncio.run(main(int(chosen.millions * 1_000_000), chosen.rounds, chosen.writing, chosen.rate, data))
