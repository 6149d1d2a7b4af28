"""Columns go to ClickHouse at the pace of C: clickhouse-driver's own writers touch each value in Python, some twice.

ColumnarClient is the driver's client with other writers for the types of the table `events`; a column of another type
is written by the driver. A column is any sequence: of int, str, bool, date or UUID (also as text) as its type asks,
names or numbers of an Enum8, sequences of these for arrays. An `array` of the type's width (for Date: of days
since 1970-01-01) is written as it is, and so is PackedUuids.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache, partial
from itertools import accumulate, chain, count
from struct import pack
from typing import Any, Final
from uuid import UUID

from clickhouse_driver import Client, defines
from clickhouse_driver.block import BaseBlock, BlockInfo, ColumnOrientedBlock
from clickhouse_driver.columns.service import write_column
from clickhouse_driver.protocol import ClientPacketTypes
from clickhouse_driver.streams.native import BlockOutputStream
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import write_binary_str, write_binary_uint8

from eventrail.rows.packed_uuids import PackedUuids

Column = Sequence[Any]

Write = Callable[[Column, Any], None]
"""Appends the values of a column to a buffer of the driver. Raises as `array` does where one does not fit."""

_INTEGERS: Final = {
    "UInt8": "B",
    "Int8": "b",
    "UInt16": "H",
    "Int16": "h",
    "UInt32": "I",
    "Int32": "i",
    "UInt64": "Q",
    "Int64": "q",
}
_AS_COLUMNS: Final = {"types_check": False, "columnar": True}
_EPOCH: Final = date(1970, 1, 1).toordinal()
_HALF: Final = (1 << 64) - 1
_KEYS_VERSION: Final = pack("<q", 1)
_OWN_KEYS: Final = 1 << 9 | 1 << 10
_MEMBERS: Final = re.compile(r"'((?:[^'\\]|\\.)*)' = (-?\d+)")
_UNESCAPED: Final = partial(re.compile(r"\\(.)").sub, r"\1")
_WIDTHS: Final = ((1 << 8, "B"), (1 << 16, "H"), (1 << 32, "I"))


def _integers(code: str) -> Write:
    def write(items: Column, buffer: Any) -> None:
        packed = items if isinstance(items, array) and items.typecode == code else array(code, items)
        buffer.write(packed.tobytes())

    return write


def _days(items: Column, buffer: Any) -> None:
    packed = items if isinstance(items, array) else array("H", [day.toordinal() - _EPOCH for day in items])
    buffer.write(packed.tobytes())


def _uuids(items: Column, buffer: Any) -> None:
    if isinstance(items, PackedUuids):
        halves = items.halves
    else:
        numbers = [item.int if isinstance(item, UUID) else UUID(item).int for item in items]
        halves = array("Q", [half for number in numbers for half in (number >> 64, number & _HALF)])
    buffer.write(halves.tobytes())


def _booleans(items: Column, buffer: Any) -> None:
    buffer.write(bytes(map(bool, items)))


def _numbers_of(type_: str) -> Write:
    found = {_UNESCAPED(name): int(number) for name, number in _MEMBERS.findall(type_)}
    numbers, write_all = frozenset(found.values()), _integers("b")

    def write(items: Column, buffer: Any) -> None:
        # The engine would store any number.
        if not numbers.issuperset(items):
            items = [found.get(item, item) for item in items]
            if not numbers.issuperset(items):
                raise ValueError("a name or a number that the Enum8 does not have")
        write_all(items, buffer)

    return write


def _strings(items: Column, buffer: Any) -> None:
    buffer.write_strings(items, encoding=defines.STRINGS_ENCODING)


def _dictionary(items: Column, buffer: Any) -> None:
    """Each text once, then for each row the number of its text."""
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    codes = list(map(numbers.__getitem__, items))
    if not codes:
        return
    width, code = next((width, code) for width, (most, code) in enumerate(_WIDTHS) if len(numbers) <= most)
    buffer.write(pack("<qq", _OWN_KEYS | width, len(numbers)))
    _strings(list(numbers), buffer)
    buffer.write(pack("<q", len(codes)))
    buffer.write(array(code, codes).tobytes())


def _arrays(write_values: Write) -> Write:
    def write(items: Column, buffer: Any) -> None:
        buffer.write(array("Q", accumulate(map(len, items))).tobytes())
        write_values(list(chain.from_iterable(items)), buffer)

    return write


_WRITERS: Final[dict[str, tuple[bytes, Write]]] = {
    **{name: (b"", _integers(code)) for name, code in _INTEGERS.items()},
    "Bool": (b"", _booleans),
    "Date": (b"", _days),
    "String": (b"", _strings),
    "UUID": (b"", _uuids),
    "LowCardinality(String)": (_KEYS_VERSION, _dictionary),
}


@lru_cache(maxsize=1024)
def _writer(type_: str) -> tuple[bytes, Write] | None:
    """What stands before the values of a column, and what writes them."""
    if type_.startswith("Array(") and (inner := _writer(type_[6:-1])):
        return inner[0], _arrays(inner[1])
    return (b"", _numbers_of(type_)) if type_.startswith("Enum8(") else _WRITERS.get(type_)


def write_block(
    stream: BlockOutputStream, names: Sequence[tuple[str, str]], columns: Sequence[Column]
) -> None:
    """Write one block whose columns have these names and types; blocks while the socket is full."""
    buffer, context = stream.fout, stream.context
    flagged = context.server_info.used_revision >= defines.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
    BlockInfo().write(buffer)
    write_varint(len(columns), buffer)
    write_varint(len(columns[0]), buffer)
    for (name, type_), items in zip(names, columns, strict=True):
        write_binary_str(name, buffer)
        write_binary_str(type_, buffer)
        if flagged:
            write_binary_uint8(0, buffer)
        known = _writer(type_)
        if known is None:
            write_column(context, name, type_, list(items), buffer)
        else:
            buffer.write(known[0])
            known[1](items, buffer)
    stream.finalize()


class ColumnarClient(Client):  # type: ignore[misc]
    """The driver's client; a columnar insert (`execute(sql, columns, columnar=True)`) takes any sequences as columns.

    Raises what the driver raises, and ValueError, TypeError or OverflowError for a value that its type does not hold.
    """

    def send_data(self, sample_block: BaseBlock, data: Any, **options: bool) -> int:
        connection = self.connection
        most = connection.context.client_settings["insert_block_size"]
        if options != _AS_COLUMNS or len(data[0]) > most:
            rows: int = super().send_data(sample_block, data, **options)
            return rows
        if {len(column) for column in data} != {len(data[0])}:
            raise ValueError("the columns are not of one length")
        write_varint(ClientPacketTypes.DATA, connection.fout)
        write_binary_str("", connection.fout)
        write_block(connection.block_out, sample_block.columns_with_types, data)
        self.receive_profile_events()
        connection.send_data(ColumnOrientedBlock())
        self.receive_profile_events()
        return len(data[0])
