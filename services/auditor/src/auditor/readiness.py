"""The checks behind `/readyz`: cheap, and the tables are asked at most once a second."""

import asyncio
from collections.abc import Callable

from auditor.books import Books
from auditor.errors import LedgerFault
from auditor.ledger import Ledger
from auditor.waiting import Cause, Waiting
from eventrail.errors import UnavailableError
from eventrail.health import OK, Cached, Health


class Readiness:
    """Ready when it reads both topics and the tables answer."""

    def __init__(
        self, ledger: Ledger, books: Books, waiting: Waiting, monotonic: Callable[[], float]
    ) -> None:
        self._ledger = ledger
        self._books = books
        self._waiting = waiting
        self._tables = Cached(self._ask, monotonic)

    def health(self) -> Health:
        """The checks `kafka` and `clickhouse`, both required."""
        checks = {"kafka": self.kafka, "clickhouse": self.clickhouse}
        return Health(checks, frozenset(checks))

    async def kafka(self) -> str:
        """Whether the topics are being read."""
        held = self._waiting.why(Cause.KAFKA)
        return held or (OK if self._books.opened.is_set() else "not connected yet")

    async def clickhouse(self) -> str:
        """Whether the engine answers and has the tables; one question at a time, however many ask."""
        return await self._tables()

    async def _ask(self) -> str:
        try:
            await asyncio.to_thread(self._ledger.verify)
        except (UnavailableError, LedgerFault) as error:
            return str(error)
        return self._waiting.why(Cause.TABLES, Cause.CLICKHOUSE) or OK
