"""The seam between questions and ClickHouse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from query_api.events_table import Statement


@dataclass(frozen=True)
class Answer:
    """What one statement gave: rows in its order, and what it cost."""

    rows: Sequence[Any]
    rows_read: int = 0
    seconds: float = 0.0
    bytes_read: int = 0


class Engine(Protocol):
    """Runs statements within limits."""

    async def answer(self, statement: Statement) -> Answer:
        """All rows of `statement`. Raises TooCostly, and ClickHouseUnavailable where trying again may help."""
        ...

    async def check(self) -> str:
        """Return `ok`, or in one line why no question can be answered. Never raises."""
        ...
