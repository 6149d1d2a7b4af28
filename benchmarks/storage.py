"""What events cost to keep and to ask: `python -m benchmarks.storage [MILLIONS ...]` (else 1 and 10) prints tables.

Data are those of benchmarks/shop.py; the website that is asked has a tenth of them, the period is 30 days. First the
forms that properties may be kept in, each in a table of its own with the key of `events`; then `events` itself: bytes
of each column, and the questions of the query API's kind. All reads are with FINAL, after merges, in turns on one
connection; figures are medians of ROUNDS. Compare the ratios of one run.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from clickhouse_driver import Client

from benchmarks import shop
from devstack import programs
from devstack.ports import free_addresses
from devstack.readiness import quiet_client_logs
from devstack.single import running
from eventrail.clickhouse import connect
from eventrail.rows import property_sql
from eventrail.rows.reading import READING_SETTINGS, settings_clause
from writer.migrations import migrate

ROUNDS = 5
LARGEST_OF_FORMS = 10_000_000
INSERTS, ROWS_OF_INSERT = 12, 5_000
_SETTINGS = settings_clause({**READING_SETTINGS, "use_query_condition_cache": 0})
_FROM_MS = shop.FIRST_DAY_MS + 3 * 86_400_000
_PERIOD = (
    f"timestamp >= fromUnixTimestamp64Milli({_FROM_MS}, 'UTC')"
    f" AND timestamp < fromUnixTimestamp64Milli({_FROM_MS + 30 * 86_400_000}, 'UTC')"
)
_WEBSITE = f"website_id = '{shop.BIG}'"
_KEY_COLUMNS: Final = (
    "website_id",
    "event_name",
    "identity_day",
    "event_id_high",
    "event_id_low",
    "copy_rank",
)


def _of_type(types: str, column: str) -> str:
    """SQL of those elements of a column of properties whose type is among `types`."""
    return f"arrayFilter((one, type) -> type IN ({types}), {column}, property_types)"


def _map_of(types: str, value: str = "text") -> str:
    texts = f"arrayMap(text -> {value}, {_of_type(types, 'property_values')})"
    return f"mapFromArrays({_of_type(types, 'property_keys')}, {texts})"


_MAPS = {
    "texts": _map_of("'string', 'array'"),
    "numbers": _map_of("'number'", "toFloat64(text)"),
    "number_texts": _map_of("'number'"),
    "booleans": _map_of("'boolean'", "text = 'true'"),
}
_ALL_OF_MAPS = (
    "arrayConcat("
    "arrayZip(mapKeys(texts), arrayMap(text -> 'string', mapKeys(texts)), mapValues(texts)),"
    "arrayZip(mapKeys(number_texts), arrayMap(text -> 'number', mapKeys(number_texts)), mapValues(number_texts)),"
    "arrayZip(mapKeys(booleans), arrayMap(text -> 'boolean', mapKeys(booleans)),"
    " arrayMap(value -> toString(value), mapValues(booleans))))"
)
_MAP_COLUMNS = {
    "texts": "Map(LowCardinality(String), String) CODEC(ZSTD(3))",
    "numbers": "Map(LowCardinality(String), Float64) CODEC(ZSTD(3))",
    "number_texts": "Map(LowCardinality(String), String) CODEC(ZSTD(3))",
    "booleans": "Map(LowCardinality(String), Bool) CODEC(ZSTD(3))",
}


@dataclass(frozen=True)
class Form:
    """A way to keep properties: columns and what fills them, and the SQL of what is asked."""

    name: str
    columns: Mapping[str, str]
    values: Mapping[str, str]
    plan: str
    amount: str
    each: str
    settings: str = ""

    @property
    def table(self) -> str:
        return "form_" + self.name.replace(" ", "_")


_TYPES = "Enum8('' = 0, 'string' = 1, 'number' = 2, 'boolean' = 3, 'array' = 4)"
FORMS: Final = (
    Form(
        "arrays",
        {
            "property_keys": "Array(LowCardinality(String)) CODEC(ZSTD(1))",
            "property_types": f"Array({_TYPES}) CODEC(ZSTD(1))",
            "property_values": "Array(LowCardinality(String)) CODEC(ZSTD(3))",
        },
        {name: name for name in property_sql.COLUMNS},
        property_sql.text("'plan'"),
        property_sql.number("'amount'"),
        property_sql.EACH,
    ),
    Form(
        "maps",
        _MAP_COLUMNS,
        _MAPS,
        "texts['plan']",
        "if(mapContains(numbers, 'amount'), numbers['amount'], NULL)",
        f"ARRAY JOIN {_ALL_OF_MAPS} AS one",
    ),
    Form(
        "maps in buckets",
        _MAP_COLUMNS,
        _MAPS,
        "texts['plan']",
        "if(mapContains(numbers, 'amount'), numbers['amount'], NULL)",
        f"ARRAY JOIN {_ALL_OF_MAPS} AS one",
        "map_serialization_version = 'with_buckets', max_buckets_in_map = 8",
    ),
    Form(
        "JSON",
        {"properties": "JSON CODEC(ZSTD(3))", "event_data": "String CODEC(ZSTD(3))"},
        {"properties": "event_data", "event_data": "event_data"},
        "toString(properties.plan)",
        "if(startsWith(dynamicType(properties.amount), 'String'), NULL, toFloat64OrNull(toString(properties.amount)))",
        "ARRAY JOIN JSONAllPathsWithTypes(properties) AS one",
    ),
)


def create(client: Client, form: Form) -> None:
    columns = ", ".join(f"{name} {type_}" for name, type_ in form.columns.items())
    client.execute(f"""
        CREATE TABLE {form.table} (website_id LowCardinality(String), event_name LowCardinality(String),
            identity_day Date CODEC(Delta, ZSTD(1)), event_id_high UInt64 CODEC(T64('bit'), ZSTD(1)),
            event_id_low UInt64 CODEC(T64('bit')), copy_rank UInt64 CODEC(T64, ZSTD(1)), {columns})
        ENGINE = ReplacingMergeTree(copy_rank)
        ORDER BY (website_id, event_name, identity_day, event_id_high, event_id_low)
        {"SETTINGS " + form.settings if form.settings else ""}""")


def fill_form(client: Client, form: Form, total: int) -> None:
    names = ", ".join((*_KEY_COLUMNS, *form.values))
    values = ", ".join((*_KEY_COLUMNS, *(f"{sql} AS made_{name}" for name, sql in form.values.items())))
    for first, count in shop.blocks(total):
        # The properties under another name: a form may give one of them a column of the same.
        rows = shop.stored(
            shop.source(first, count, total),
            (*_KEY_COLUMNS, "event_data", "property_keys", "property_types", "property_values"),
        )
        client.execute(
            f"INSERT INTO {form.table} ({names}) SELECT {values} FROM ({rows}) SETTINGS {shop.WITHOUT_LIMITS}"  # noqa: S608
        )
    client.execute(f"OPTIMIZE TABLE {form.table} FINAL")


def questions(form: Form) -> dict[str, str]:
    """A question and its SQL; each gives the same answer whatever the form."""
    columns = ", ".join(form.columns)

    def rows(of: str, where: str) -> str:
        return f"SELECT {of} FROM {form.table} FINAL WHERE {_WEBSITE} AND {where}"  # noqa: S608

    def each(name: str) -> str:
        taken = "property_key, property_type, property_text"
        found = rows(columns, f"event_name = '{name}'")
        if form.name.startswith("maps"):
            taken = "one.1 AS property_key, one.2 AS property_type, one.3 AS property_text"
        if form.name == "JSON":
            taken = "one.1 AS property_key, one.2 AS property_type, JSONExtractRaw(event_data, one.1) AS property_text"
        parts = f"SELECT {taken}, count() AS events FROM ({found}) {form.each} GROUP BY 1, 2, 3"  # noqa: S608
        return (
            "SELECT property_key, property_type, sum(events), count(),"  # noqa: S608
            " groupArraySorted(20)((-toInt64(events), property_text)),"
            " quantilesExactWeighted(0.5, 0.9)(toFloat64OrZero(property_text), events)"
            f" FROM ({parts}) GROUP BY 1, 2"
        )

    return {
        "properties of a tenth of the events (purchase)": each("purchase"),
        "properties of half of them (product_viewed)": each("product_viewed"),
        "plan = 'pro', one name": rows("count()", f"event_name = 'purchase' AND {form.plan} = 'pro'"),
        "plan = 'pro', all names": rows("count()", f"{form.plan} = 'pro'"),
        "amount >= 100, all names": rows("count(), sum(amount)", f"({form.amount} AS amount) >= 100"),
    }


def timed(client: Client, statements: Mapping[str, str]) -> dict[str, float]:
    """Medians in milliseconds; the statements take turns."""
    found: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(ROUNDS + 1):
        for name, sql in statements.items():
            began = time.perf_counter()
            client.execute(sql + _SETTINGS)
            found[name].append(1000 * (time.perf_counter() - began))
    return {name: median(times[1:]) for name, times in found.items()}


def column_bytes(client: Client, table: str) -> dict[str, float]:
    """Compressed bytes of each column for each row."""
    rows = client.execute(
        "SELECT column, sum(column_data_compressed_bytes) / (SELECT sum(rows) FROM system.parts WHERE active"
        " AND database = currentDatabase() AND table = %(table)s) AS bytes FROM system.parts_columns"
        " WHERE active AND database = currentDatabase() AND table = %(table)s GROUP BY column ORDER BY bytes DESC",
        {"table": table},
    )
    return dict(rows)


def insert_ms(client: Client, form: Form) -> float:
    """Median of a native insert of ROWS_OF_INSERT rows with nothing but the key and the properties."""
    names = (*_KEY_COLUMNS, *form.columns)
    selected = ", ".join(names)
    columns = client.execute(f"SELECT {selected} FROM {form.table} LIMIT {ROWS_OF_INSERT}", columnar=True)  # noqa: S608
    if form.name == "JSON":
        at = names.index("properties")
        columns = [tuple(json.dumps(one) if isinstance(one, dict) else one for one in column) if i == at else column
                   for i, column in enumerate(columns)]  # fmt: skip
    client.execute("DROP TABLE IF EXISTS target SYNC")
    client.execute(f"CREATE TABLE target AS {form.table}")
    times = []
    for _ in range(INSERTS):
        began = time.perf_counter()
        client.execute(f"INSERT INTO target ({selected}) VALUES", columns, columnar=True)
        times.append(time.perf_counter() - began)
    client.execute("DROP TABLE target SYNC")
    return 1000 * median(times)


def compare_forms(client: Client, total: int) -> None:
    """All forms are there before the first is asked: each question is put to all of them in turns."""
    for form in FORMS:
        create(client, form)
        fill_form(client, form, total)
    kept = [column_bytes(client, form.table) for form in FORMS]
    lines = {
        "bytes of the properties": [
            sum(each[name] for name in form.columns) for form, each in zip(FORMS, kept, strict=True)
        ],
        f"native insert of {ROWS_OF_INSERT:,} rows, ms": [insert_ms(client, form) for form in FORMS],
    }
    for what in questions(FORMS[0]):
        found = timed(client, {form.name: questions(form)[what] for form in FORMS})
        lines[f"{what}, ms"] = list(found.values())
    table("", [form.name for form in FORMS], lines)


def table(corner: str, heads: Iterable[str], lines: Mapping[str, Iterable[float]]) -> None:
    heads = list(heads)
    print(f"\n| {corner} | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}")
    for name, values in lines.items():
        print(f"| {name} | {' | '.join(f'{value:.1f}' for value in values)} |", flush=True)


def asked(name: str) -> dict[str, str]:
    """The questions of the query API's kind, of the table `events`."""

    def rows(of: str, where: str = "") -> str:
        more = f" AND {where}" if where else ""
        return (
            f"SELECT {of} FROM {name} FINAL WHERE {_WEBSITE} AND event_type = 'custom' AND {_PERIOD}"  # noqa: S608
            f" AND bot_kind NOT IN ('crawler', 'headless'){more}"
        )

    steps = ("product_viewed", "add_to_cart", "purchase")
    conditions = ", ".join(f"event_name = '{step}'" for step in steps)
    properties = rows(", ".join(property_sql.COLUMNS), "event_name = 'product_viewed'")
    return {
        "list": f"SELECT event_name, count() FROM ({rows('event_name')}) GROUP BY event_name",  # noqa: S608
        "series": (
            "SELECT toDate(timestamp) AS day, count() FROM"  # noqa: S608
            f" ({rows('timestamp', conditions.split(', ')[0])}) GROUP BY day"
        ),
        "properties": (
            "SELECT property_key, property_type, sum(events), count(),"  # noqa: S608
            " groupArraySorted(100)((-toInt64(events), property_text)) FROM"
            f" (SELECT property_key, property_type, property_text, count() AS events FROM ({properties})"
            f" {property_sql.EACH} GROUP BY 1, 2, 3) GROUP BY 1, 2"
        ),
        "filtered breakdown": (
            "SELECT browser, country, count(), uniqExact(visitor_id) FROM"  # noqa: S608
            f" ({rows('browser, country, visitor_id', property_sql.text(repr('in_stock')) + ' = ' + repr('true'))})"
            " GROUP BY browser, country"
        ),
        "numeric filter": rows("count()", f"{property_sql.number(repr('amount'))} >= 100"),
        "funnel of three steps": (
            "SELECT level, count() FROM (SELECT windowFunnel(3600000)"  # noqa: S608
            f"(toUInt64(toUnixTimestamp64Milli(timestamp)), {conditions}) AS level FROM"
            f" ({rows('visitor_id, timestamp, event_name', f'event_name IN {steps}')}) GROUP BY visitor_id)"
            " GROUP BY level"
        ),
    }


def measure_events(client: Client, total: int) -> None:
    began = time.monotonic()
    shop.fill(client, total)
    filled = time.monotonic() - began
    client.execute("OPTIMIZE TABLE events FINAL")
    kept = column_bytes(client, "events")
    print(f"\n{total:,} events: filled in {filled:.0f} s, {sum(kept.values()):.1f} bytes of each in columns")
    table("column", ["bytes"], {name: [value] for name, value in kept.items() if value >= 0.05})
    table("question", ["ms"], {name: [value] for name, value in timed(client, asked("events")).items()})


def measure_at(url: str, total: int) -> None:
    """A database of its own."""
    migrate(url)
    client = connect(url, timeout_seconds=3_600)
    measure_events(client, total)
    client.execute("TRUNCATE TABLE events")
    if total <= LARGEST_OF_FORMS:
        compare_forms(client, total)
    client.disconnect()


async def main(millions: list[float]) -> None:
    """An engine of its own for each size."""
    quiet_client_logs()
    print(f"{os.cpu_count()} processors, medians of {ROUNDS}, load {os.getloadavg()[0]:.1f}")
    for size in millions:
        with tempfile.TemporaryDirectory(prefix="storage-") as folder:
            addresses = free_addresses(random.Random())  # noqa: S311 - ports are no secret
            program = programs.clickhouse(addresses.clickhouse, Path(folder))
            async with running(program, Path(folder) / "clickhouse.log"):
                url = f"clickhouse://default@{program.address}/storage"
                await asyncio.to_thread(measure_at, url, int(size * 1_000_000))


if __name__ == "__main__":
    asyncio.run(main([float(text) for text in sys.argv[1:]] or [1, 10]))
