"""Columns that clickhouse-driver wrote are stepped over to their very end."""

import datetime as dt
import random
import string
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedwriter import CompressedBufferedWriter
from clickhouse_driver.columns.service import write_column
from clickhouse_driver.connection import ServerInfo
from clickhouse_driver.context import Context
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.clickhouse.columns import column, split_arguments
from devstack.clickhouse.errors import WireError
from devstack.clickhouse.protocol import REVISION
from devstack.clickhouse.wire import Cursor

Typed = tuple[str, st.SearchStrategy[Any]]

_text = st.text(string.printable, max_size=300)
_numbers: list[Typed] = [
    (f"{sign}Int{bits}", st.integers(low, high))
    for bits in (8, 16, 32, 64, 128, 256)
    for sign, low, high in (
        ("", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
        ("U", 0, 2**bits - 1),
    )
]
_times = st.datetimes(dt.datetime.fromisoformat("1971-01-01"), dt.datetime.fromisoformat("2100-01-01"))
SCALARS: list[Typed] = [
    *_numbers,
    ("String", _text),
    ("FixedString(5)", st.text("abc", max_size=5)),
    ("Float32", st.floats(width=32)),
    ("Float64", st.floats()),
    ("Bool", st.booleans()),
    ("UUID", st.uuids()),
    ("Date", st.dates(dt.date(1971, 1, 1), dt.date(2100, 1, 1))),
    ("Date32", st.dates(dt.date(1930, 1, 1), dt.date(2200, 1, 1))),
    ("DateTime", _times),
    ("DateTime('UTC')", _times),
    ("DateTime64(3, 'UTC')", _times),
    ("Decimal(9, 2)", st.just(Decimal("1.25"))),
    ("Decimal(18, 2)", st.just(Decimal("1.25"))),
    ("Decimal(38, 2)", st.just(Decimal("1.25"))),
    ("Decimal(76, 2)", st.just(Decimal("1.25"))),
    ("Enum8('a' = 1, 'b c' = -2)", st.sampled_from(["a", "b c"])),
    ("Enum16('a' = 1000)", st.just("a")),
    ("IPv4", st.ip_addresses(v=4)),
    ("IPv6", st.ip_addresses(v=6)),
]
LOW_CARDINALITY: list[Typed] = [
    ("LowCardinality(String)", _text),
    ("LowCardinality(Nullable(String))", st.none() | _text),
    ("LowCardinality(UInt32)", st.integers(0, 2**32 - 1)),
]


def nullable(inner: Typed) -> Typed:
    return f"Nullable({inner[0]})", st.none() | inner[1]


def array(inner: Typed) -> Typed:
    # The driver cannot write an empty array of tuples.
    fewest = 1 if "Tuple" in inner[0] else 0
    return f"Array({inner[0]})", st.lists(inner[1], min_size=fewest, max_size=4)


def tuple_of(inners: list[Typed], *, named: bool) -> Typed:
    names = [f"`n {i}` " if i else "first " for i in range(len(inners))] if named else [""] * 9
    spec = ", ".join(name + inner[0] for name, inner in zip(names, inners, strict=False))
    return f"Tuple({spec})", st.tuples(*(inner[1] for inner in inners))


def map_of(inner: Typed) -> Typed:
    return f"Map(String, {inner[0]})", st.dictionaries(_text, inner[1], max_size=4)


leaves = st.sampled_from([*SCALARS, *LOW_CARDINALITY]) | st.sampled_from(SCALARS).map(nullable)
# The driver splits `Map(K, V)` by its commas, so no comma may stand in V outside of brackets.
nested = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(array),
        st.builds(tuple_of, st.lists(inner, min_size=1, max_size=3), named=st.booleans()),
    ),
    max_leaves=4,
)
types = nested | leaves.filter(lambda leaf: "Enum" not in leaf[0]).map(map_of)


def is_writable(typed: Typed) -> bool:
    """What the driver can write as ClickHouse reads it.

    It mixes up the scales of a DateTime64 and a Decimal in one type, and writes a dictionary for a nested
    column of no values when its keys are nullable.
    """
    spec = typed[0]
    mixed = "DateTime64" in spec and "Decimal" in spec
    return not mixed and "LowCardinality(Nullable" not in spec[1:]


class Sink(BytesIO):
    """What the driver's buffered writer writes to."""


def context() -> Context:
    made = Context()
    made.server_info = ServerInfo("ClickHouse", 26, 9, 2, REVISION, "UTC", "", REVISION)
    made.settings = {}
    made.client_settings = {
        "strings_as_bytes": False,
        "strings_encoding": "utf-8",
        "use_numpy": False,
        "input_format_null_as_default": False,
        "namedtuple_as_json": True,
    }
    return made


def written(spec: str, items: list[Any]) -> bytes:
    """The values of a column as the driver sends them."""
    sink = Sink()
    out = CompressedBufferedWriter(sink, 1 << 16)
    ColumnOrientedBlock([("c", spec)], [items])
    write_column(context(), "c", spec, items, out)
    out.flush()
    return sink.getvalue()


def in_pieces(raw: bytes, rng: random.Random) -> Cursor:
    left = BytesIO(raw)
    return Cursor(lambda: left.read(rng.randint(1, 40)))


def check_skips(spec: str, items: list[Any], rng: random.Random) -> None:
    raw = written(spec, list(items))
    cursor = in_pieces(raw + b"the end", rng)
    column(spec)(cursor)(cursor, len(items))
    assert cursor.taken() == raw
    assert cursor.read(7) == b"the end"


@settings(max_examples=150, deadline=None)
@given(st.data(), types.filter(is_writable), st.randoms(use_true_random=False))
def test_columns_are_skipped_exactly(data: st.DataObject, typed: Typed, rng: random.Random) -> None:
    items = data.draw(st.lists(typed[1], min_size=1, max_size=6))
    check_skips(typed[0], items, rng)


@pytest.mark.parametrize("typed", [*SCALARS, *LOW_CARDINALITY], ids=lambda typed: typed[0])
@settings(max_examples=5, deadline=None)
@given(st.data(), st.randoms(use_true_random=False))
def test_every_scalar_is_skipped(typed: Typed, data: st.DataObject, rng: random.Random) -> None:
    check_skips(typed[0], data.draw(st.lists(typed[1], min_size=1, max_size=6)), rng)


def test_brackets_and_commas_in_a_name_are_no_structure() -> None:
    # The driver itself stumbles over such names inside of a tuple.
    spec = "Enum8('a' = 1, 'b, (c' = -2)"
    raw = written(spec, ["a", "b, (c"])
    cursor = in_pieces(raw + raw + b"!", random.Random(6))
    column(f"Tuple({spec}, {spec})")(cursor)(cursor, 2)
    assert cursor.taken() == raw + raw


def test_low_cardinality_with_wide_indexes() -> None:
    check_skips("LowCardinality(String)", [str(n) for n in range(70_000)], random.Random(1))


@pytest.mark.parametrize(
    "rows",
    [
        [{"a": 1}, {"a": "x", "b": {"c": [1, 2]}}],
        [{}, {}],
        [{"list": ["a", "b"]}, {"deep": {"er": {"est": 1.5}}}],
    ],
)
def test_json_is_skipped(rows: list[dict[str, Any]]) -> None:
    check_skips("JSON", rows, random.Random(2))


@pytest.mark.parametrize(
    ("spec", "same_as"),
    [
        ("Point", "Tuple(Float64, Float64)"),
        ("Ring", "Array(Tuple(Float64, Float64))"),
        ("SimpleAggregateFunction(sum, UInt64)", "UInt64"),
        ("Nested(a UInt64, b UInt64)", "Array(Tuple(UInt64, UInt64))"),
        ("IntervalDay", "Int64"),
        ("Decimal32(2)", "Int32"),
    ],
)
def test_other_names_of_a_type_are_skipped_alike(spec: str, same_as: str) -> None:
    values: dict[str, list[Any]] = {
        "Tuple(Float64, Float64)": [(1.0, 2.0), (3.0, 4.0)],
        "Array(Tuple(Float64, Float64))": [[(1.0, 2.0)], [(3.0, 4.0), (5.0, 6.0)]],
        "Array(Tuple(UInt64, UInt64))": [[(1, 2)], [(3, 4), (5, 6)]],
        "UInt64": [1, 2],
        "Int64": [1, 2],
        "Int32": [1, 2],
    }
    raw = written(same_as, values[same_as])
    cursor = in_pieces(raw + b"!", random.Random(3))
    column(spec)(cursor)(cursor, 2)
    assert cursor.taken() == raw


def test_variant_reads_as_many_values_as_its_discriminators_say() -> None:
    # By name String is variant 0 and UInt64 variant 1; 255 is NULL.
    raw = bytes(8) + bytes((1, 255, 0, 1)) + b"\x02hi" + bytes(16)
    cursor = in_pieces(raw + b"!", random.Random(4))
    column("Variant(UInt64, String)")(cursor)(cursor, 4)
    assert cursor.taken() == raw


@pytest.mark.parametrize(
    "spec", ["AggregateFunction(sum, UInt64)", "Nope", "", "FixedString(x)", "Array()", "Map(String)"]
)
def test_an_unknown_type_is_refused_by_name(spec: str) -> None:
    with pytest.raises(WireError, match="type"):
        column(spec)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("LowCardinality(String)", "version"),
        ("Dynamic", "version 9"),
        ("JSON", "version 9"),
        ("Variant(String)", "compact"),
    ],
)
def test_an_unknown_serialization_is_refused(spec: str, text: str) -> None:
    cursor = in_pieces(b"\x09" + bytes(40), random.Random(5))
    with pytest.raises(WireError, match=text):
        column(spec)(cursor)


def test_arguments_are_split_outside_of_brackets_and_quotes() -> None:
    text = "Enum8('a, b' = 1, 'it\\'s (' = 2), Map(String, UInt8), `x, y` String"
    assert split_arguments(text) == [
        "Enum8('a, b' = 1, 'it\\'s (' = 2)",
        "Map(String, UInt8)",
        "`x, y` String",
    ]
    assert split_arguments("") == []
