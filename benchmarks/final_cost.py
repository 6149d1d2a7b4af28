"""What FINAL costs: `python benchmarks/final_cost.py [MILLIONS ...]` prints tables (else of 1 and 10 million events).

The query API's own statements, with their settings, are asked of the embedded engine, and beside each the same
statement without FINAL, which counts copies twice. 10 websites have a tenth of the events each, over the days of
three months, and 2 % of the events have a copy that was accepted up to three days later. First with merges stopped:
30 parts, 10 of each month, each of which holds days of the whole month, so that no two of a month can be told apart
by their keys; then merged.

Both readings run in turns on one connection; figures are medians in milliseconds. Compare the ratios of one run.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from clickhouse_driver import Client

from devstack import programs
from devstack.ports import free_addresses
from devstack.readiness import quiet_client_logs
from devstack.single import running
from eventrail.clickhouse import connect
from eventrail.rows.reading import settings_clause
from query_api.events_table import Statement
from query_api.queries import events, properties, timeseries
from query_api.question import events as ask_events
from query_api.question import properties as ask_properties
from query_api.question import timeseries as ask_timeseries
from query_api.question.given import Given
from query_api.question.selection import Context
from writer.migrations import migrate

BLOCKS = 10
PARTS = 3 * BLOCKS
ONE_COPY_IN = 50
ROUNDS = 7
WEBSITE, NAME = "site-0", "name-1"
MONTH, DAY_ALONE = ("2026-02-01", "2026-02-28"), ("2026-02-14", "2026-02-14")
CONTEXT = Context(WEBSITE, 0)
# A cache of conditions would answer the second round of the plain reading.
SAME_FOR_BOTH: Mapping[str, int] = {"use_query_condition_cache": 0}

FILL = """
INSERT INTO events (
    website_id, event_name, identity_day, event_id, event_type, timestamp, received_at, version,
    visitor_id, session_id, session_started_at, url, host, path, query, channel, country, browser, os, device_type,
    event_data, property_keys, property_values, raw_partition, raw_offset, raw_index
)
WITH
    sipHash64(number) AS dice,
    1767225600000 + dice %% 7776000000 AS at_ms,
    least(at_ms + if(copied, 1000 + dice %% 259200000, dice %% 900), 1775001599999) AS accepted_ms,
    concat('/products/', toString(dice %% 5000)) AS page
SELECT
    concat('site-', toString(number %% 10)),
    concat('name-', toString(sipHash64(number, 1) %% 12)),
    toDate(fromUnixTimestamp64Milli(at_ms, 'UTC')),
    reinterpretAsUUID(sipHash128(number)),
    'custom',
    fromUnixTimestamp64Milli(at_ms, 'UTC'),
    fromUnixTimestamp64Milli(accepted_ms, 'UTC'),
    281474976710655 - accepted_ms,
    lower(hex(sipHash128(intDiv(number, 6)))),
    reinterpretAsUUID(sipHash128(intDiv(number, 3), 1)),
    fromUnixTimestamp64Milli(at_ms, 'UTC'),
    concat('https://shop.example', page, '?ref=', toString(dice %% 97)), 'shop.example', page,
    concat('ref=', toString(dice %% 97)), 'Direct', 'DE', 'Chrome', 'Android', 'mobile',
    concat('{"plan":"', ['free', 'pro', 'team'][1 + dice %% 3], '","amount":', toString(dice %% 400), '}'),
    ['plan', 'amount'], [['free', 'pro', 'team'][1 + dice %% 3], toString(dice %% 400)],
    number %% 6, intDiv(number, 6), 0
FROM (
    SELECT number, false AS copied FROM numbers(%(first)s, %(count)s)
    UNION ALL
    SELECT number, true AS copied FROM numbers(%(copies_of)s, %(count)s) WHERE number %% %(one_in)s < 10
)
SETTINGS min_insert_block_size_rows = 100000000, min_insert_block_size_bytes = 0, max_threads = 1,
    max_insert_threads = 1, max_partitions_per_insert_block = 0
"""
"""One of the blocks: events, and copies of those of another block (2 of 100 of each website)."""


@dataclass(frozen=True)
class Figure:
    """Medians in milliseconds of one question, read plainly and with FINAL."""

    question: str
    plain_ms: float
    final_ms: float


def statements() -> Iterator[tuple[str, Statement]]:
    """What is asked, under the names of the table."""
    for text, period in (("a month", MONTH), ("a day", DAY_ALONE)):
        every, one = given(period), given(period, event_name=NAME)
        yield f"list, {text}", events.statement(ask_events.ask(every, CONTEXT))
        yield f"series, {text}", timeseries.statement(ask_timeseries.ask(one, CONTEXT))
        yield f"properties, {text}", properties.statement(ask_properties.ask(one, CONTEXT))


def given(days: tuple[str, str], **more: str) -> Given:
    """What a caller says who asks about these days, both inclusive."""
    texts = {"start_date": days[0], "end_date": days[1], **more}
    return Given({name: (text,) for name, text in texts.items()})


def without_final(statement: Statement) -> Statement:
    """The reading that this costs more than; it is wrong where copies are."""
    plain = statement.sql.replace("FROM events FINAL", "FROM events")
    assert plain != statement.sql
    return replace(statement, sql=plain, settings={})


def seconds(client: Client, statement: Statement) -> float:
    sql = statement.sql + settings_clause({**statement.settings, **SAME_FOR_BOTH})
    began = time.perf_counter()
    client.execute(sql, dict(statement.parameters))
    return time.perf_counter() - began


def measure(client: Client) -> list[Figure]:
    """Every question, after one round that counts for nothing."""
    found = []
    for name, statement in statements():
        plain = without_final(statement)
        rounds = [(seconds(client, plain), seconds(client, statement)) for _ in range(ROUNDS + 1)][1:]
        found.append(Figure(name, *(1000 * median(times) for times in zip(*rounds, strict=True))))
    return found


def fill(client: Client, total: int) -> None:
    """`total` events and their copies in PARTS parts that are never merged until told."""
    count = total // BLOCKS
    client.execute("SYSTEM STOP MERGES events")
    for block in range(BLOCKS):
        following = (block + 1) % BLOCKS
        client.execute(
            FILL,
            {
                "first": block * count,
                "count": count,
                "copies_of": following * count,
                "one_in": 10 * ONE_COPY_IN,
            },
        )


def parts(client: Client) -> tuple[int, int]:
    """Parts and rows of the table."""
    [(found, rows)] = client.execute(
        "SELECT count(), sum(rows) FROM system.parts"
        " WHERE database = currentDatabase() AND table = 'events' AND active"
    )
    return found, rows


def check(client: Client, total: int) -> None:
    """FINAL counts each event of the website once."""
    statement = events.statement(ask_events.ask(given(("2026-01-01", "2026-03-31")), CONTEXT))
    rows = client.execute(statement.sql + settings_clause(statement.settings), dict(statement.parameters))
    assert sum(row[1] for row in rows) == total // 10, rows


def tell(total: int, state: str, client: Client) -> None:
    check(client, total)
    found, rows = parts(client)
    load = os.getloadavg()[0]
    print(f"\n{total:,} events, {rows:,} rows in {found} parts ({state}); load before: {load:.1f}")
    print("| question | plain ms | FINAL ms | ratio |\n|---|---:|---:|---:|")
    for figure in measure(client):
        ratio = figure.final_ms / figure.plain_ms
        print(
            f"| {figure.question} | {figure.plain_ms:.1f} | {figure.final_ms:.1f} | {ratio:.2f} |", flush=True
        )


def measure_at(url: str, total: int) -> None:
    """Both states of a database of its own."""
    migrate(url)
    client = connect(url, timeout_seconds=1_800)
    began = time.monotonic()
    fill(client, total)
    assert parts(client)[0] == PARTS, parts(client)
    print(f"\nfilled in {time.monotonic() - began:.0f} s")
    tell(total, "merges stopped", client)
    client.execute("SYSTEM START MERGES events")
    began = time.monotonic()
    client.execute("OPTIMIZE TABLE events FINAL")
    print(f"\nmerged in {time.monotonic() - began:.0f} s")
    tell(total, "merged, one part a month", client)
    client.execute("DROP TABLE events SYNC")
    client.disconnect()


async def main(millions: list[float]) -> None:
    """An engine of its own for each size."""
    quiet_client_logs()
    print(f"{os.cpu_count()} processors, medians of {ROUNDS}")
    for size in millions:
        with tempfile.TemporaryDirectory(prefix="final-cost-") as folder:
            addresses = free_addresses(random.Random())  # noqa: S311 - ports are no secret
            program = programs.clickhouse(addresses.clickhouse, Path(folder))
            async with running(program, Path(folder) / "clickhouse.log"):
                url = f"clickhouse://default@{program.address}/final_cost"
                await asyncio.to_thread(measure_at, url, int(size * 1_000_000))


if __name__ == "__main__":
    asyncio.run(main([float(text) for text in sys.argv[1:]] or [1, 10]))
