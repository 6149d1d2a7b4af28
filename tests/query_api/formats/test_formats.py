"""Rows as bytes: the same pages give the same bytes, and readers of the format read the facts."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from query_api import formats
from query_api.facts import Fact, Kind
from query_api.question.export import Format

FACTS = tuple(Fact(kind.value, kind, "", (), "") for kind in Kind)
ROWS: list[tuple[Any, ...]] = [
    ('a,"b"\r\n=1+1', 1_772_668_800_007, date(2026, 3, 5), True, '{"n":\n1.50}'),
    ("", 0, date(2026, 3, 6), False, ""),
    ("é\u2028", 1, date(1970, 1, 1), False, "{}"),
]


def written(format_: Format, *pages: Sequence[tuple[Any, ...]], goes_on: bool = False) -> bytes:
    writer = formats.writer(format_, FACTS, goes_on=goes_on)
    return b"".join(map(writer.rows, pages)) + writer.end()


@pytest.mark.parametrize("format_", Format)
def test_the_same_pages_give_the_same_bytes(format_: Format) -> None:
    assert written(format_, ROWS[:2], ROWS[2:]) == written(format_, ROWS[:2], ROWS[2:])
    assert written(format_) == written(format_)


def test_ndjson() -> None:
    lines = written(Format.NDJSON, ROWS[:2], ROWS[2:]).decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"text": 'a,"b"\r\n=1+1', "instant": "2026-03-05T00:00:00.007Z", "day": "2026-03-05", "flag": True,
         "json": {"n": 1.5}},
        {"text": None, "instant": None, "day": "2026-03-06", "flag": False, "json": None},
        {"text": "é\u2028", "instant": "1970-01-01T00:00:00.001Z", "day": "1970-01-01", "flag": False, "json": {}},
    ]  # fmt: skip
    assert '{"n": 1.50}' in lines[0]
    assert written(Format.NDJSON) == b""


def test_csv() -> None:
    text = written(Format.CSV, ROWS[:2], ROWS[2:]).decode()
    assert text.startswith('text,instant,day,flag,json\r\n"a,""b""\r\n=1+1",2026-03-05T00:00:00.007Z,')
    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == [
        ['a,"b"\r\n=1+1', "2026-03-05T00:00:00.007Z", "2026-03-05", "true", '{"n": 1.50}'],
        ["", "", "2026-03-06", "false", ""],
        ["é\u2028", "1970-01-01T00:00:00.001Z", "1970-01-01", "false", "{}"],
    ]
    head, _, rest = text.partition("\r\n")
    assert written(Format.CSV, ROWS, goes_on=True).decode() == rest
    assert written(Format.CSV).decode() == f"{head}\r\n"
    assert written(Format.CSV, goes_on=True) == b""


@pytest.mark.parametrize("format_", [Format.PARQUET, Format.ARROW])
def test_columns_are_typed(format_: Format) -> None:
    content = written(format_, ROWS[:2], ROWS[2:])
    if format_ is Format.PARQUET:
        table = parquet.read_table(io.BytesIO(content))
        assert parquet.ParquetFile(io.BytesIO(content)).num_row_groups == 2
    else:
        table = pa.ipc.open_stream(content).read_all()
    assert table.schema.types == [
        pa.string(), pa.timestamp("ms", tz="UTC"), pa.date32(), pa.bool_(), pa.string(),
    ]  # fmt: skip
    first, second, third = table.to_pylist()
    assert first["instant"] == datetime(2026, 3, 5, 0, 0, 0, 7_000, UTC)
    assert (first["text"], first["day"], first["flag"]) == ('a,"b"\r\n=1+1', date(2026, 3, 5), True)
    assert (second["text"], second["instant"], second["json"]) == (None, None, None)
    assert (third["text"], third["json"]) == ("é\u2028", "{}")
