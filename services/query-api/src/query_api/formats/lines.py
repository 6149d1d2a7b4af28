"""NDJSON and CSV: one row after the other as text."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any, Final

from eventrail.contract.codec import rfc3339
from query_api import event_json
from query_api.facts import Fact, Kind


class Ndjson:
    """One JSON object per line."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._facts = facts

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        return "".join(f"{line}\n" for line in event_json.objects(self._facts, rows)).encode()

    def end(self) -> bytes:
        return b""


_CELLS: Final[dict[Kind, Callable[[Any], str]]] = {
    Kind.INSTANT: lambda value: rfc3339(value) if value else "",
    Kind.DAY: str,
    Kind.FLAG: lambda value: "true" if value else "false",
    Kind.JSON: event_json.one_line,
}


class Csv:
    """RFC 4180: comma, CRLF, UTF-8, quotes where they are needed; an empty cell is no value."""

    def __init__(self, facts: Sequence[Fact], *, header: bool) -> None:
        self._facts = facts
        self._header = header

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        text = io.StringIO(newline="")
        lines = csv.writer(text)
        if self._header:
            lines.writerow(fact.name for fact in self._facts)
            self._header = False
        columns = zip(self._facts, zip(*rows, strict=True), strict=True) if rows else ()
        cells = [
            map(_CELLS[fact.kind], column) if fact.kind in _CELLS else column for fact, column in columns
        ]
        lines.writerows(zip(*cells, strict=True))
        return text.getvalue().encode()

    def end(self) -> bytes:
        return self.rows(())
