"""A connection that is ended while threads use it, on a real engine."""

import asyncio
import time

import pytest
from clickhouse_driver import errors as driver

from eventrail.errors import ClickHouseUnavailable
from writer.connection import Connection

pytestmark = pytest.mark.stack

GONE = (ClickHouseUnavailable, driver.NetworkError, EOFError, OSError)


@pytest.mark.parametrize("repetition", range(5))
async def test_a_thread_that_asks_again_and_again_does_not_open_a_closed_connection(
    clickhouse: str, repetition: int
) -> None:
    connection = Connection(clickhouse, timeout_seconds=10)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        while True:
            connection.execute("SELECT 1")
            loop.call_soon_threadsafe(asked.set)

    asking = asyncio.create_task(asyncio.to_thread(ask))
    await asked.wait()
    await asyncio.sleep(repetition / 1000)  # another place in the thread's work each time
    await asyncio.to_thread(connection.close)
    with pytest.raises(GONE):
        await asyncio.wait_for(asking, 10)
    with pytest.raises(ClickHouseUnavailable, match="closed"):
        connection.execute("SELECT 1")


async def test_closing_does_not_wait_for_a_long_query(clickhouse: str) -> None:
    connection = Connection(clickhouse, timeout_seconds=60)
    connection.execute("SELECT 1")
    asking = asyncio.create_task(
        asyncio.to_thread(connection.execute, "SELECT sleepEachRow(1) FROM numbers(3)")
    )
    await asyncio.sleep(0.2)
    began = time.monotonic()
    await asyncio.to_thread(connection.close)
    assert time.monotonic() - began < 2
    with pytest.raises(GONE):
        await asking


async def test_after_an_abort_the_next_query_connects_anew(clickhouse: str) -> None:
    connection = Connection(clickhouse, timeout_seconds=10)
    assert connection.execute("SELECT 1") == [(1,)]
    connection.abort()
    assert connection.execute("SELECT 2") == [(2,)]
    connection.close()
