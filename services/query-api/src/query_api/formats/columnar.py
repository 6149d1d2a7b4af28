"""Parquet and Arrow: pages become groups of rows of typed columns."""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from query_api.facts import Fact, Kind

_TYPES: Final = {
    Kind.TEXT: pa.string(),
    Kind.INSTANT: pa.timestamp("ms", tz="UTC"),
    Kind.DAY: pa.date32(),
    Kind.FLAG: pa.bool_(),
    Kind.JSON: pa.string(),
}
_NONE: Final = {Kind.TEXT: "", Kind.INSTANT: 0, Kind.JSON: ""}
"""What stands for no value; it becomes null."""


class _Taken:
    """A file to pyarrow: keeps what is written until it is taken."""

    closed = False

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._written = 0

    def write(self, part: bytes) -> int:
        self._bytes += part
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        return

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


class _Columnar:
    def __init__(self, facts: Sequence[Fact]) -> None:
        self._facts = facts
        self._schema = pa.schema([pa.field(fact.name, _TYPES[fact.kind]) for fact in facts])
        self._sink = _Taken()
        self._writer = self._open(pa.PythonFile(self._sink, mode="w"))

    def _open(self, sink: Any) -> Any:
        raise NotImplementedError

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        columns = [
            pa.array(_nulled(fact, column), _TYPES[fact.kind])
            for fact, column in zip(self._facts, zip(*rows, strict=True), strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        return self._sink.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._sink.take()


def _nulled(fact: Fact, column: Sequence[Any]) -> Sequence[Any]:
    if fact.kind not in _NONE:
        return column
    none = _NONE[fact.kind]
    return [None if value == none else value for value in column]


class Parquet(_Columnar):
    """One row group per page, zstd."""

    def _open(self, sink: Any) -> Any:
        return parquet.ParquetWriter(sink, self._schema, compression="zstd")


class Arrow(_Columnar):
    """The IPC stream format, one batch per page."""

    def _open(self, sink: Any) -> Any:
        return pa.ipc.new_stream(sink, self._schema)
