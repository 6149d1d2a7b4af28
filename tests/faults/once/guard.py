"""For all tests: a service that reads the table `events` around eventrail.rows.reading fails the test that made it."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import clickhouse_driver
import pytest
from clickhouse_driver.connection import Connection

from eventrail.rows.reading import READING_SETTINGS, TABLE
from tests.faults.once.running_statements import Running, running
from tests.faults.once.source_scan import readings

_REPOSITORY = Path(__file__).parents[3]
PRODUCT = tuple(f"{_REPOSITORY / name}/" for name in ("services", "libs"))
_DRIVER = f"{Path(clickhouse_driver.__file__).parent}/"


# All copies of what is to be forgotten: whose DELETE it may be stands in test_one_place.py.
_DELETES = re.compile(rf"\A\s*DELETE\s+FROM\s+{TABLE}\b")


class AroundTheOnePlace(AssertionError):
    """A service sent a statement that may count an event twice or never."""


@contextmanager
def watching(product: tuple[str, ...] = PRODUCT) -> Iterator[None]:
    """Raises AroundTheOnePlace in whoever sends such a statement from a file below `product`."""
    send_query = Connection.send_query

    def sending(self: Connection, query: str, *args: Any, **kwargs: Any) -> Any:
        if TABLE in query and _caller(sys._getframe(1)).startswith(product):
            _check(running(query, self.context.settings))
        return send_query(self, query, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "send_query", sending)
        yield


def _caller(frame: FrameType | None) -> str:
    while frame is not None and frame.f_code.co_filename.startswith(_DRIVER):
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""


def _check(statement: Running) -> None:
    reads = readings(_DELETES.sub("", statement.sql))
    missing = [name for name, value in READING_SETTINGS.items() if statement.settings.get(name) != str(value)]
    if reads and (reads != statement.sql.count(f"FROM {TABLE} FINAL WHERE ") or missing):
        raise AroundTheOnePlace(f"not through eventrail.rows.reading (missing: {missing}): {statement.sql}")
