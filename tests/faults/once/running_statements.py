"""What really reaches the engine, and what the engine says of it: which tables it reads, and whether with FINAL."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.connection import Connection

from eventrail.rows.reading import READING_SETTINGS, TABLE

_CLAUSE = re.compile(r"\sSETTINGS\s+((?:\w+\s*=\s*[\w'.]+\s*,?\s*)+)$")
_INSERT = re.compile(r"^\s*INSERT\s+INTO\s+[\w.`]+\s*(?:\([^)]*\))?\s*(?=SELECT\b|WITH\b)", re.IGNORECASE)
_READ = re.compile(r"\bTABLE id: \d+,(?: alias: \w+,)? table_name: (?P<name>[^\s,]+)(?P<rest>.*)")
_FUNCTION = re.compile(r"table_function_name: (?P<name>\w+)")
_HARMLESS = {"numbers", "values", "generateSeries", "generate_series"}


@dataclass(frozen=True)
class Running:
    """A statement as it was sent, its parameters filled in, with the settings beside and inside of it."""

    sql: str
    settings: Mapping[str, str]

    @property
    def select(self) -> str:
        """The SELECT in it without its settings; "" where there is none."""
        text = _INSERT.sub("", _CLAUSE.sub("", self.sql)).strip()
        return text if re.match(r"\(?\s*(?:SELECT|WITH)\b", text, re.IGNORECASE) else ""


def running(sql: str, settings: Mapping[str, Any] | None = None) -> Running:
    found = {name: str(value) for name, value in (settings or {}).items()}
    clause = _CLAUSE.search(sql)
    if clause:
        found |= dict(re.findall(r"(\w+)\s*=\s*([\w'.]+)", clause[1]))
    return Running(sql, found)


@contextmanager
def recorded() -> Iterator[list[Running]]:
    """Every statement that a client of this process sends while the block lasts, from whatever thread."""
    sent: list[Running] = []
    send_query = Connection.send_query

    def sending(self: Connection, query: str, *args: Any, **kwargs: Any) -> Any:
        sent.append(running(query, self.context.settings))
        return send_query(self, query, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "send_query", sending)
        yield sent


@dataclass
class Judge:
    """Asks the engine behind `client` how it understands statements."""

    client: Client
    readings: int = field(default=0, init=False)

    def faults(self, statement: Running) -> list[str]:
        """Why `statement` may count an event twice or never; empty where it cannot. Counts what reads the table."""
        if not statement.select:
            return []
        tree = "\n".join(line for (line,) in self.client.execute(f"EXPLAIN QUERY TREE {statement.select}"))
        found = [f"table function {name}" for name in set(_FUNCTION.findall(tree)) - _HARMLESS]
        reads = [read for read in _READ.finditer(tree) if self._is_events(read["name"])]
        found += [f"without FINAL: {read[0]}" for read in reads if "final: 1" not in read["rest"]]
        if reads:
            self.readings += 1
            found += [
                f"without {name} = {value}"
                for name, value in READING_SETTINGS.items()
                if statement.settings.get(name) != str(value)
            ]
        return found

    def rollups(self) -> list[str]:
        """Views and projections that would count copies: whatever is fed by the table, or looks through it."""
        views = self.client.execute(
            "SELECT name, engine, create_table_query FROM system.tables"
            " WHERE database = currentDatabase() AND engine LIKE '%View'"
        )
        projections = self.client.execute(
            "SELECT name, 'projection', query FROM system.projections"
            f" WHERE database = currentDatabase() AND table = '{TABLE}'"
        )
        return [
            f"{engine} {name}" for name, engine, query in (*views, *projections)
            if engine == "projection" or re.search(rf"\b{TABLE}\b", query)
        ]  # fmt: skip

    def _is_events(self, name: str) -> bool:
        return name.rpartition(".")[2].strip("`") == TABLE
