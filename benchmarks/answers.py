"""What answers take, HTTP to HTTP: `python -m benchmarks.answers [MILLIONS] [--rounds N] [--writing] [--data DIR]`.

The shop (benchmarks/shop.py: 200 websites, one of them with a tenth of all events) is filled into an embedded engine,
and the real query API in a process of its own is asked about that one website over 30 days, one question at a time.
First with merges settled; with --writing once more while another process inserts as fast as the writer's own code
does. Figures are medians in milliseconds, with the fastest and the slowest; memory is the highest that the engine
told of a question while it ran.
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
from devstack import programs
from devstack.ports import Address, free_addresses
from devstack.process import Program
from devstack.readiness import http_ready, quiet_client_logs
from devstack.single import running
from eventrail.clickhouse import connect
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.rows.events import row as row_of
from writer.migrations import migrate
from writer.table import Table

DATABASE = "answers"
PERIOD = {"start_date": "2026-01-17", "end_date": "2026-02-15"}
"""30 days, of the 35 that the shop has."""

BIG = f"/api/websites/{shop.BIG}"
LONGEST_S = 120.0


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


def tell(state: str, figures: list[Figure]) -> None:
    print(f"\n{state}; load {os.getloadavg()[0]:.1f}")
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
    rows, size, parts = client.execute(
        "SELECT sum(rows), sum(data_compressed_bytes), count() FROM system.parts"
        " WHERE database = currentDatabase() AND table = 'events' AND active"
    )[0]
    print(f"{rows:,} rows in {parts} parts, {size / rows:.1f} bytes each")
    client.disconnect()


def insert_without_end(url: str) -> None:
    """Blocks of 10,000 events, one after the other, on the writer's own way from a record to the table."""
    client = connect(url, timeout_seconds=600)
    templates = [event_of(row) for row in client.execute(TEMPLATES)]
    client.disconnect()
    table = Table(url, timeout_seconds=600, process=uuid4().hex)
    began, blocks, offset = time.monotonic(), 0, 0
    while True:
        rows = []
        for event in templates:
            event.event_id, offset = str(uuid4()), offset + 1
            rows.append(row_of(event, 0, offset))
        table.insert(rows)
        blocks += 1
        if blocks % 10 == 0:
            rate = blocks * len(templates) / (time.monotonic() - began)
            print(f"  writing {rate:,.0f} events/s", flush=True)


TEMPLATES = """
SELECT website_id, event_name, toInt32(identity_day), toUnixTimestamp64Milli(timestamp), event_data, visitor_id, path
FROM events WHERE cityHash64(event_id) % 97 = 0 LIMIT 10000
"""
"""Events of all websites and days, as they lie in the table."""


def event_of(values: Sequence[Any]) -> EnrichedEvent:
    """An enriched event like a stored one; its id comes later."""
    website_id, name, day, at_ms, data, visitor_id, path = values
    event = EnrichedEvent(
        website_id=website_id,
        event_name=name,
        event_type=EventType.EVENT_TYPE_CUSTOM,
        identity_day=day,
        timestamp_ms=at_ms,
        received_at_ms=at_ms + 50,
        event_data=data,
        visitor_id=visitor_id,
    )
    event.page.path = path
    return event


@contextmanager
def writing(url: str) -> Iterator[None]:
    """Another process writes for as long as the block lasts."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.answers", "--insert", url])
    try:
        time.sleep(5)  # parts have to pile up first
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


async def main(events: int, rounds: int, while_writing: bool, folder: Path) -> None:  # noqa: FBT001
    quiet_client_logs()
    print(f"{os.cpu_count()} processors, {events:,} events, medians of {rounds}")
    addresses = free_addresses(random.Random())  # noqa: S311 - ports are no secret
    async with running(programs.clickhouse(addresses.clickhouse, folder), folder / "clickhouse.log"):
        url = f"clickhouse://default@{addresses.clickhouse}/{DATABASE}"
        await asyncio.to_thread(fill, url, events)
        async with running(query_api(addresses.query_api, url), folder / "query-api.log"):
            api = addresses.query_api.url
            tell("merges settled", await asyncio.to_thread(measure, api, url, rounds))
            if while_writing:
                with writing(url):
                    tell("while writing", await asyncio.to_thread(measure, api, url, rounds))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("millions", nargs="?", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--writing", action="store_true")
    parser.add_argument("--data", type=Path, help="keep the filled engine here, and use it again")
    parser.add_argument("--insert", metavar="URL", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    chosen = options()
    if chosen.insert:
        insert_without_end(chosen.insert)
    with tempfile.TemporaryDirectory(prefix="answers-") as temporary:
        data = chosen.data or Path(temporary)
        data.mkdir(exist_ok=True)
        asyncio.run(main(int(chosen.millions * 1_000_000), chosen.rounds, chosen.writing, data))
