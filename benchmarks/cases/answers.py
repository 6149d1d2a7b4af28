"""What the query API answers in, with 1, 10 and 50 million events stored (benchmarks/answers.py has the questions)."""

import asyncio
from typing import Final

from benchmarks import answers
from benchmarks.bench import Bench
from benchmarks.figures import Figure, at_most
from benchmarks.stack import stack

CASE = "answers"
MILLIONS: Final = {True: (1,), False: (1, 10, 50)}
AT_50: Final = 3
"""Times the target at 10 million."""


async def measure(bench: Bench) -> list[Figure]:
    """Milliseconds of each question, HTTP to HTTP, and the bytes of an event."""
    figures = []
    for millions in MILLIONS[bench.quick]:
        figures += await _measure(bench, millions)
    return figures


async def _measure(bench: Bench, millions: int) -> list[Figure]:
    async with stack(bench.fresh(f"{CASE}-{millions}")) as running:
        await running.start("clickhouse")
        url, api = running.clickhouse_url, running.addresses.query_api.url
        await asyncio.to_thread(answers.fill, url, millions * 1_000_000)
        size = await asyncio.to_thread(answers.bytes_per_event, url)
        await running.start("query-api")
        found = await asyncio.to_thread(answers.measure, api, url, max(bench.runs, 5))
    state = f"{millions} million events"
    times = {10: 1, 50: AT_50}.get(millions)
    return [
        Figure(CASE, f"bytes of a stored event, {state}", "bytes", (size,), at_most(40), relative=True),
        *(
            Figure(
                CASE,
                f"{one.question.name}, {state}",
                "ms",
                tuple(one.milliseconds),
                at_most(one.question.target_ms * times) if times else None,
            )
            for one in found
        ),
    ]
