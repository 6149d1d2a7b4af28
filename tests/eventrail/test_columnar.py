"""What ColumnarClient writes is read as what clickhouse-driver writes, and is what the engine stores."""

import uuid
from array import array
from collections.abc import Iterator, Sequence
from datetime import date
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedreader import BufferedReader
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.streams.native import BlockInputStream, BlockOutputStream
from hypothesis import given, settings
from hypothesis import strategies as st

from eventrail.clickhouse import connect
from eventrail.columnar import write_block
from eventrail.rows.packed_uuids import PackedUuids

ENUM = "Enum8('' = 0, 'a = 7' = 1, 'b\\'= 8' = -2)"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "UInt8": st.integers(0, 2**8 - 1),
    "Int8": st.integers(-(2**7), 2**7 - 1),
    "UInt16": st.integers(0, 2**16 - 1),
    "Int16": st.integers(-(2**15), 2**15 - 1),
    "UInt32": st.integers(0, 2**32 - 1),
    "Int32": st.integers(-(2**31), 2**31 - 1),
    "UInt64": st.integers(0, 2**64 - 1),
    "Int64": st.integers(-(2**63), 2**63 - 1),
    "Bool": st.booleans(),
    "Date": st.dates(date(1970, 1, 1), date(2149, 6, 6)),
    "String": TEXT,
    "UUID": st.uuids() | st.uuids().map(str),
    "LowCardinality(String)": TEXT,
    ENUM: st.sampled_from([0, 1, -2]) | st.sampled_from(["", "a = 7", "b'= 8"]),
    "Float64": st.floats(allow_nan=False),
    "LowCardinality(Nullable(String))": st.none() | TEXT,
}
VALUES |= {
    f"Array({type_})": st.lists(VALUES[type_], max_size=3)
    for type_ in ("LowCardinality(String)", ENUM, "UInt16", "String", "Float64")
}
NUMBERS = st.sampled_from([0, 1, -2])
READ_BACK = VALUES | {
    "UUID": st.uuids(),
    ENUM: NUMBERS,
    f"Array({ENUM})": st.lists(NUMBERS, max_size=3),
}
"""In the form in which the test reads them."""
TOO_MUCH = [
    ("UInt8", 256),
    ("UInt64", -1),
    ("Int64", 2**63),
    ("Date", date(2149, 6, 7)),
    (ENUM, 2),
    (ENUM, "a"),
    ("UUID", "no id"),
    ("UInt8", "1"),
]


def stream(sent: BytesIO, revision: int) -> BlockOutputStream:
    context = SimpleNamespace(
        client_settings={"strings_as_bytes": False, "use_numpy": False},
        server_info=SimpleNamespace(used_revision=revision),
    )
    return BlockOutputStream(BufferedSocketWriter(SimpleNamespace(sendall=sent.write), 64), context)


def named(types: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"c{number}", type_) for number, type_ in enumerate(types)]


def columnar(types: Sequence[str], columns: Sequence[Any], revision: int = 54_468) -> bytes:
    sent = BytesIO()
    write_block(stream(sent, revision), named(types), columns)
    return sent.getvalue()


def drivers(types: Sequence[str], columns: Sequence[Any], revision: int) -> bytes:
    sent = BytesIO()
    stream(sent, revision).write(ColumnOrientedBlock(named(types), [list(column) for column in columns]))
    return sent.getvalue()


class _Reader(BufferedReader):  # type: ignore[misc]
    """The driver's reader over bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data) + 1)
        self.buffer = bytearray(data)
        self.current_buffer_size = len(data)

    def read_into_buffer(self) -> None:
        raise EOFError("it says more than was written")


def read(data: bytes, revision: int) -> list[Any]:
    context = stream(BytesIO(), revision).context
    reader = _Reader(data)
    found: list[Any] = BlockInputStream(reader, context).read().get_columns()
    assert reader.position == len(data)
    return found


@pytest.mark.parametrize("revision", [54_450, 54_468])
@given(st.data())
def test_each_type_is_read_as_what_the_driver_writes(revision: int, data: st.DataObject) -> None:
    types = list(VALUES)
    rows = data.draw(st.integers(1, 4))
    columns = [data.draw(st.lists(VALUES[type_], min_size=rows, max_size=rows)) for type_ in types]
    written = columnar(types, columns, revision)
    assert read(written, revision) == read(drivers(types, columns, revision), revision)
    assert written == columnar(types, list(map(tuple, columns)), revision), "whatever the sequence"


@pytest.mark.parametrize("texts", [1, 255, 256, 257, 65_535, 65_536, 65_537])
def test_a_dictionary_has_numbers_of_the_width_that_it_needs(texts: int) -> None:
    column = [str(number) for number in range(texts)] + ["0"]
    [found] = read(columnar(["LowCardinality(String)"], [column]), 54_468)
    assert list(found) == column


def test_packed_columns_are_written_as_they_are() -> None:
    ids = [uuid.UUID(int=1), uuid.UUID(int=2**127 + 5)]
    packed = PackedUuids(array("Q", [0, 1, 2**63, 5]))
    types, days = ["UUID", "Date", "Int64"], [date(1970, 1, 2), date(2149, 6, 6)]
    plain = columnar(types, [ids, days, [-1, 2]])
    assert columnar(types, [packed, array("H", [1, 65_535]), array("q", [-1, 2])]) == plain


@pytest.mark.parametrize(("type_", "value"), TOO_MUCH)
def test_what_a_type_cannot_hold_is_refused(type_: str, value: Any) -> None:
    with pytest.raises((OverflowError, ValueError, TypeError)):
        columnar([type_], [[value]])


@pytest.fixture(scope="module")
def client(clickhouse: str) -> Iterator[Client]:
    database = f"columnar_{uuid.uuid4().hex}"
    server = connect(clickhouse)
    server.execute(f"CREATE DATABASE {database}")
    made = connect(f"{clickhouse}/{database}")
    made.execute(
        "CREATE TABLE t (" + ", ".join(f"{n} {t}" for n, t in named(list(VALUES))) + ") ENGINE = Memory"
    )
    yield made
    made.disconnect()
    server.execute(f"DROP DATABASE {database}")
    server.disconnect()


@pytest.mark.stack
@settings(deadline=None, max_examples=25)
@given(st.data())
def test_the_engine_stores_what_was_sent(client: Client, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 3))
    columns = [data.draw(st.lists(each, min_size=rows, max_size=rows)) for each in READ_BACK.values()]
    client.execute("TRUNCATE TABLE t")
    assert client.execute("INSERT INTO t VALUES", columns, columnar=True) == rows
    wanted = [f"toInt8({name})" if type_ == ENUM else name for name, type_ in named(list(VALUES))]
    wanted = [f"arrayMap(x -> toInt8(x), {n})" if t == f"Array({ENUM})" else w
              for w, (n, t) in zip(wanted, named(list(VALUES)), strict=True)]  # fmt: skip
    assert sorted(
        map(repr, zip(*client.execute(f"SELECT {', '.join(wanted)} FROM t", columnar=True), strict=True))
    ) == (sorted(map(repr, zip(*columns, strict=True))))


@pytest.mark.stack
def test_columns_of_several_lengths_are_refused_and_the_connection_goes_on(client: Client) -> None:
    client.execute("TRUNCATE TABLE t")
    with pytest.raises(ValueError, match="one length"):
        client.execute("INSERT INTO t (c0, c1) VALUES", [[1], [1, 2]], columnar=True)
    assert client.execute("INSERT INTO t (c0, c1) VALUES", [[1], [1]], columnar=True) == 1
    assert client.execute("INSERT INTO t (c0) VALUES", [(1,), (2,)]) == 2, "rows go the driver's way"
    assert client.execute("SELECT count() FROM t") == [(3,)]


@pytest.mark.stack
def test_blocks_may_be_compressed(clickhouse: str) -> None:
    compressed = connect(f"{clickhouse}/default?compression=lz4")
    compressed.execute("CREATE TEMPORARY TABLE z (a LowCardinality(String), b UInt64)")
    compressed.execute("INSERT INTO z VALUES", [["x", "y"] * 50_000, range(100_000)], columnar=True)
    assert compressed.execute("SELECT count(), sum(b), uniqExact(a) FROM z") == [(100_000, 4_999_950_000, 2)]
    compressed.disconnect()
