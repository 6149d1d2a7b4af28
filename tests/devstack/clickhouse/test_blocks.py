import random
from io import BytesIO
from typing import Any

import pytest
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedreader import CompressedBufferedReader
from clickhouse_driver.bufferedwriter import CompressedBufferedWriter
from clickhouse_driver.connection import ServerInfo
from clickhouse_driver.context import Context
from clickhouse_driver.streams.native import BlockInputStream, BlockOutputStream
from hypothesis import given
from hypothesis import strategies as st

from devstack.clickhouse import blocks
from devstack.clickhouse.errors import WireError
from devstack.clickhouse.protocol import REVISION
from devstack.clickhouse.wire import Cursor, encode_varint

COLUMNS = [("id", "UInt64"), ("name", "LowCardinality(String)"), ("all", "Map(String, String)")]

rows = st.lists(
    st.tuples(
        st.integers(0, 2**64 - 1),
        st.text(max_size=20),
        st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    ),
    min_size=1,
    max_size=20,
)


def context() -> Context:
    made = Context()
    made.server_info = ServerInfo("ClickHouse", 26, 9, 2, REVISION, "UTC", "", REVISION)
    made.settings = {}
    made.client_settings = {
        "strings_as_bytes": False,
        "strings_encoding": "utf-8",
        "use_numpy": False,
        "input_format_null_as_default": False,
    }
    return made


def by_driver(data: list[Any]) -> bytes:
    """A block with its info as the driver sends it; an empty one for no data."""
    sink = BytesIO()
    out = BlockOutputStream(CompressedBufferedWriter(sink, 1 << 16), context())
    out.write(ColumnOrientedBlock(COLUMNS, data) if data else ColumnOrientedBlock())
    return sink.getvalue()


def cursor_on(raw: bytes, seed: int) -> Cursor:
    rng, left = random.Random(seed), BytesIO(raw)
    return Cursor(lambda: left.read(rng.randint(1, 50)))


@given(rows, st.integers())
def test_blocks_of_the_driver_pass_through_byte_by_byte(data: list[Any], seed: int) -> None:
    raw = by_driver([list(values) for values in zip(*data, strict=True)])
    cursor = cursor_on(raw + by_driver([]), seed)
    block = blocks.read_block(cursor)
    assert (block.columns, block.rows) == (tuple(COLUMNS), len(data))
    assert blocks.INFO + block.native == raw
    assert blocks.row_count(block.native) == len(data)
    last = blocks.read_block(cursor)
    assert (last.columns, last.rows) == ((), 0)


@given(st.lists(rows, max_size=4))
def test_blocks_in_a_row_are_split(parts: list[list[Any]]) -> None:
    natives = [
        by_driver([list(values) for values in zip(*data, strict=True)])[len(blocks.INFO) :] for data in parts
    ]
    assert [block.native for block in blocks.split(b"".join(natives))] == natives


def test_header_is_read_by_the_driver() -> None:
    pieces = iter([blocks.INFO + blocks.header(COLUMNS)])
    reader = CompressedBufferedReader(lambda: next(pieces), 1 << 16)
    block = BlockInputStream(reader, context()).read()
    assert block.columns_with_types == COLUMNS
    assert block.num_rows == 0


def test_unknown_block_info_is_refused() -> None:
    with pytest.raises(WireError, match="field 7"):
        blocks.read_block(cursor_on(b"\x07\x00", 0))


def test_too_many_columns_are_refused() -> None:
    raw = blocks.INFO + encode_varint(10**9) + encode_varint(1)
    with pytest.raises(WireError, match="1000000000 columns"):
        blocks.read_block(cursor_on(raw, 0))
