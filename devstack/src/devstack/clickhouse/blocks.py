"""Blocks of the native protocol, passed through as bytes.

A block on the wire is block info (fields, ended by 0), then what the engine calls format Native: number of
columns, number of rows, and for each column name, type and values. Below revision 54454 nothing stands
between type and values, so Native bytes of the engine and of the client are the same and need no decoding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devstack.clickhouse.columns import MAX_TYPE_BYTES, column
from devstack.clickhouse.errors import WireError
from devstack.clickhouse.wire import Cursor, encode_string, encode_varint

INFO = bytes((1, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0))
"""Block info: no overflow rows (field 1), bucket number -1 (field 2)."""

MAX_COLUMNS = 100_000


@dataclass(frozen=True)
class Block:
    """One block as it came: names and types of its columns, and its bytes without the block info."""

    columns: tuple[tuple[str, str], ...]
    rows: int
    native: bytes


def header(columns: Sequence[tuple[str, str]]) -> bytes:
    """A Native block of no rows with these (name, type) columns."""
    names = (encode_string(name) + encode_string(type_name) for name, type_name in columns)
    return encode_varint(len(columns)) + encode_varint(0) + b"".join(names)


def row_count(native: bytes) -> int:
    """How many rows a Native block has."""
    rest = iter((native[:20],))
    cursor = Cursor(lambda: next(rest, b""))
    cursor.varint()
    return cursor.varint()


def read_block(cursor: Cursor) -> Block:
    """The next block with block info; blocks until all of it is there. Raises WireError."""
    _skip_info(cursor)
    return _read_native(cursor)


def split(native: bytes) -> Iterator[Block]:
    """The single blocks of several Native blocks in a row. Raises WireError for an unknown type."""
    rest = iter((native,))
    cursor = Cursor(lambda: next(rest, b""), limit=len(native))
    seen = 0
    while seen < len(native):
        block = _read_native(cursor)
        seen += len(block.native)
        yield block


def _skip_info(cursor: Cursor) -> None:
    while field := cursor.varint():
        if field not in (1, 2):
            raise WireError(f"unknown field {field} in a block's info")
        cursor.skip(1 if field == 1 else 4)


def _read_native(cursor: Cursor) -> Block:
    cursor.begin()
    columns, rows = cursor.varint(), cursor.varint()
    if columns > MAX_COLUMNS:
        raise WireError(f"a block of {columns} columns; at most {MAX_COLUMNS} are allowed")
    names = tuple(_skip_column(cursor, rows) for _ in range(columns))
    return Block(names, rows, cursor.taken())


def _skip_column(cursor: Cursor, rows: int) -> tuple[str, str]:
    name, type_name = cursor.string(MAX_TYPE_BYTES), cursor.string(MAX_TYPE_BYTES)
    if rows:
        column(type_name)(cursor)(cursor, rows)
    return name, type_name
