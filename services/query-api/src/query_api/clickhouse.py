"""The door to ClickHouse: statements run in threads, each thread with a connection of its own."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from clickhouse_driver import Client
from clickhouse_driver import errors as driver

from eventrail.clickhouse import connect, reporting
from eventrail.errors import ClickHouseUnavailable
from eventrail.health import OK
from eventrail.rows.reading import settings_clause
from query_api import refusals
from query_api.engine import Answer
from query_api.errors import TooCostly
from query_api.events_table import EXISTS, ROWS, Statement
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings
from query_api.turn import Turn

T = TypeVar("T")

# The engine should end a query that takes too long, and say so, before the socket gives up on it.
_GRACE_SECONDS = 5.0

MAX_QUERY_BYTES = 16 << 20
"""A statement holds all values of its filters, keys several times and quoted; a body of 100 KB gives less than 2 MB."""

_ROWS_KEPT_SECONDS = 10.0

_AROUND = {"max_query_size": MAX_QUERY_BYTES}
"""Sent beside a statement: what is said inside of it is read too late for it."""

MAX_RESULT_ROWS = 1_000_000
"""A guard against our own mistakes: every statement has a limit of its own that is far below."""


class ClickHouse:
    """An Engine over at most `settings.connections` connections to the ClickHouse at `url`.

    Build it and use it inside one event loop. Questions beyond the connections wait, bounded in number and
    time. A question whose task is cancelled ends its query by closing the connection that runs it.
    Raises ConfigurationError where `url` cannot be understood; nothing is connected before the first question.
    """

    def __init__(self, url: str, settings: QueryApiSettings, metrics: Metrics) -> None:
        connect(url)  # only to see that it is understood
        self._url = url
        self._settings = settings
        self._metrics = metrics
        self._turns = asyncio.Semaphore(settings.connections)
        self._waiting = 0
        self._running: set[Turn] = set()
        self._own = threading.local()
        self._clients: list[Client] = []
        self._table_rows: tuple[int | None, float] = (None, float("-inf"))
        self._threads = ThreadPoolExecutor(settings.connections, thread_name_prefix="clickhouse")

    async def answer(self, statement: Statement) -> Answer:
        """All rows of `statement`. Raises TooCostly; ClickHouseUnavailable when away, too slow or not migrated."""
        answer = await self._in_thread(lambda client: self._run(client, statement))
        self._metrics.query_seconds.labels(statement.name).observe(answer.seconds)
        self._metrics.rows_read.labels(statement.name).inc(answer.rows_read)
        return answer

    async def check(self) -> str:
        """Return `ok` when ClickHouse answers and has the table, else why not."""
        try:
            found = await self._in_thread(lambda client: client.execute(EXISTS)[0][0])
        except ClickHouseUnavailable as error:
            return str(error)
        except driver.ServerException as error:
            return refusals.reason(error)
        return OK if found else refusals.NO_TABLE

    def close(self) -> None:
        """Close all connections; a query that still runs loses its answer. Blocks until the threads have ended."""
        for turn in self._running:
            turn.give_up()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.disconnect()

    async def _in_thread(self, work: Callable[[Client], T]) -> T:
        await self._wait_for_turn()
        turn = Turn()
        self._running.add(turn)
        running = asyncio.get_running_loop().run_in_executor(self._threads, self._guarded, work, turn)
        running.add_done_callback(partial(self._end_turn, turn))
        try:
            # A caller that goes away does not free the thread; the turn ends when the thread is done.
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            turn.give_up()
            raise

    async def _wait_for_turn(self) -> None:
        if self._turns.locked() and self._waiting >= self._settings.max_waiting:
            raise ClickHouseUnavailable("too many questions are waiting")
        self._waiting += 1
        self._metrics.waiting.set(self._waiting)
        try:
            await asyncio.wait_for(self._turns.acquire(), self._settings.max_wait_seconds)
        except TimeoutError:
            raise ClickHouseUnavailable("all connections to ClickHouse are busy") from None
        finally:
            self._waiting -= 1
            self._metrics.waiting.set(self._waiting)

    def _end_turn(self, turn: Turn, done: "asyncio.Future[Any]") -> None:
        self._turns.release()
        self._running.discard(turn)
        error = None if done.cancelled() else done.exception()
        if not turn.given_up:
            self._metrics.clickhouse_up.set(0 if _is_away(error) else 1)

    def _guarded(self, work: Callable[[Client], T], turn: Turn) -> T:
        client = self._client()
        with turn.holding(client):
            try:
                with reporting():
                    return work(client)
            except ClickHouseUnavailable as error:
                raise ClickHouseUnavailable(refusals.reason(error.__cause__)) from error.__cause__
            except driver.ServerException as error:
                if why := refusals.needs_a_person(error):
                    raise ClickHouseUnavailable(why) from error
                raise

    def _client(self) -> Client:
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            timeout = self._settings.max_execution_seconds + _GRACE_SECONDS
            client = self._own.client = connect(self._url, timeout_seconds=timeout)
            self._clients.append(client)
        return client

    def _run(self, client: Client, statement: Statement) -> Answer:
        started = time.monotonic()
        sql = statement.sql + settings_clause({**statement.settings, **self._limits(statement)})
        if statement.estimated and not self._is_small(client):
            self._require_cheap(client, sql, statement)
        rows = client.execute(sql, dict(statement.parameters), settings=_AROUND)
        progress = client.last_query.progress
        rows_read, bytes_read = (progress.rows, progress.bytes) if progress else (0, 0)
        return Answer(rows, rows_read, time.monotonic() - started, bytes_read)

    def _is_small(self, client: Client) -> bool:
        """Whether the whole table has fewer rows than one statement may read; then no estimate is needed.

        An estimate plans the statement a second time, which may cost as much as a small answer.
        """
        rows, until = self._table_rows
        if time.monotonic() >= until:
            [(rows,)] = client.execute(ROWS)
            self._table_rows = rows, time.monotonic() + _ROWS_KEPT_SECONDS
        return rows is not None and rows <= self._settings.max_rows_read

    def _require_cheap(self, client: Client, sql: str, statement: Statement) -> None:
        # One row for each table that would be read: database, table, parts, rows, marks.
        found = client.execute(f"EXPLAIN ESTIMATE {sql}", dict(statement.parameters), settings=_AROUND)
        rows, most = sum(row[3] for row in found), self._settings.max_rows_read
        if rows > most:
            raise TooCostly(rows, most)

    def _limits(self, statement: Statement) -> dict[str, int]:
        settings = self._settings
        return {
            "max_execution_time": settings.max_export_seconds
            if statement.of_export
            else settings.max_execution_seconds,
            "max_memory_usage": settings.max_memory_bytes,
            "max_result_rows": MAX_RESULT_ROWS,
            "readonly": 2,
        }


def _is_away(error: BaseException | None) -> bool:
    # An engine that refuses is there all the same.
    return isinstance(error, ClickHouseUnavailable) and not isinstance(
        error.__cause__, driver.ServerException
    )
