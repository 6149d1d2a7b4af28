"""Enricher and writer, each alone on a filled topic, and the enrichment without Kafka."""

import asyncio
from typing import Final

from benchmarks import enricher, enrichment, writer
from benchmarks.bench import Bench
from benchmarks.figures import Figure, at_least, at_most, ratio
from benchmarks.processes import Use

CASE = "stages"
PURE_EVENTS: Final = {True: 40_000, False: 100_000}
EVENTS: Final = {True: 150_000, False: 500_000}


async def measure(bench: Bench) -> list[Figure]:
    """Microseconds an event without Kafka; events/s and core of the enricher, rows/s of the writer."""
    return [*await _pure(bench), *await _enricher(bench), *await _writer(bench)]


async def _pure(bench: Bench) -> list[Figure]:
    found = [
        await asyncio.to_thread(enrichment.measure, PURE_EVENTS[bench.quick], bench.seed + number)
        for number in range(bench.runs)
    ]
    warm = Figure(CASE, "pure enrichment, warm", "µs", tuple(one.warm_us for one in found), at_most(20))
    bare = Figure(CASE, "reading and writing the same messages", "µs", tuple(one.bare_us for one in found))
    return [
        warm,
        Figure(CASE, "pure enrichment, cold", "µs", tuple(one.cold_us for one in found), at_most(60)),
        bare,
        ratio("reading and writing the same messages / pure enrichment, warm", bare, warm),
    ]


async def _enricher(bench: Bench) -> list[Figure]:
    found = [await enricher.measure(EVENTS[bench.quick], bench.seed + number) for number in range(bench.runs)]
    cost = sum(one.warm_us for one in found) / len(found)
    bench.costs("enricher, alone", Use(cost, 0), 1_000_000)
    per_core = tuple(one.per_core for one in found)
    return [
        Figure(
            CASE,
            "enricher, all steps, everything acknowledged",
            "events/s and core",
            per_core,
            at_least(25_000),
        ),
        Figure(CASE, "enricher, beside its broker", "events/s", tuple(one.warm_per_second for one in found)),
        Figure(
            CASE,
            "memory of the enricher, 20,000 visitors",
            "MiB",
            tuple(one.resident_mib for one in found),
            at_most(200 + 20_000 * 250 / 2**20),
        ),
    ]


async def _writer(bench: Bench) -> list[Figure]:
    found = [
        await writer.measure(bench.fresh(f"writer-{number}"), EVENTS[bench.quick])
        for number in range(bench.runs)
    ]
    cost = sum(one.writer.cpu_seconds_per_million for one in found) / len(found)
    bench.costs("writer, alone", Use(cost, 0), 1_000_000)
    rows = Figure(
        CASE,
        "writer, from a filled topic into the engine",
        "rows/s",
        tuple(one.writer.rows_per_second for one in found),
        at_least(60_000),
    )
    bare = Figure(
        CASE,
        "clickhouse-driver alone, same columns",
        "rows/s",
        tuple(one.bare.rows_per_second for one in found),
    )
    return [
        rows,
        bare,
        ratio("writer / clickhouse-driver alone", rows, bare),
        Figure(CASE, "memory of the writer", "MiB", tuple(one.peak_mib for one in found), at_most(200)),
    ]
