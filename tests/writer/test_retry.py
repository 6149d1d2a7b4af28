"""Trying again: for ever, at a growing pace, with the cause told while it lasts."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from eventrail.errors import ClickHouseUnavailable, KafkaUnavailable
from writer.errors import LineHeld, RowsRefused, TableFault
from writer.metrics import metrics
from writer.retry import Awaited, Backoff, Retry, cause_of
from writer.waiting import Cause, Waiting


@pytest.fixture
def waiting() -> Waiting:
    return Waiting(metrics(CollectorRegistry()), lambda: 0.0)


@pytest.fixture
def retry(waiting: Waiting) -> Retry:
    return Retry(Backoff(first=0.0001, longest=0.001), waiting)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_and_are_bounded(tries: int, fraction: float) -> None:
    backoff = Backoff(first=0.2, longest=5.0)
    assert 0.1 <= backoff.pause(tries, fraction) <= 5.0
    assert backoff.pause(tries + 1, 0.0) >= backoff.pause(tries, 0.0)


def test_pauses_double() -> None:
    backoff = Backoff(first=0.2, longest=5.0)
    assert [round(backoff.pause(tries, 1.0), 3) for tries in range(1, 8)] == [
        0.2,
        0.4,
        0.8,
        1.6,
        3.2,
        5.0,
        5.0,
    ]
    assert backoff.pause(1, 0.0) == 0.1


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ClickHouseUnavailable("x"), Cause.CLICKHOUSE),
        (KafkaUnavailable("x"), Cause.KAFKA),
        (TableFault("x"), Cause.TABLE),
        (LineHeld("x"), Cause.BREAKER),
    ],
)
def test_each_error_names_whom_to_wait_for(error: Awaited, cause: Cause) -> None:
    assert cause_of(error) is cause


async def test_it_tries_until_it_works_and_tells_meanwhile(retry: Retry, waiting: Waiting) -> None:
    outcomes: Iterator[Exception | str] = iter(
        [ClickHouseUnavailable("gone"), TableFault("no table"), ClickHouseUnavailable("gone"), "done"]
    )
    told: list[str | None] = []

    async def attempt() -> str:
        told.append(waiting.why(Cause.TABLE, Cause.CLICKHOUSE))
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert await retry(attempt) == "done"
    assert told == [None, "gone", "no table", "no table"]
    assert waiting.why(*Cause) is None


@pytest.mark.parametrize("other", [RowsRefused("no", certain=True), LineHeld("too many")])
async def test_other_errors_pass(retry: Retry, waiting: Waiting, other: Exception) -> None:
    async def attempt() -> None:
        raise other

    with pytest.raises(type(other)):
        await retry(attempt)
    assert waiting.why(*Cause) is None


async def test_a_cancelled_wait_leaves_no_cause(waiting: Waiting) -> None:
    retry = Retry(Backoff(first=3600, longest=3600), waiting)
    failed = asyncio.Event()

    async def attempt() -> None:
        failed.set()
        raise KafkaUnavailable("gone")

    task = asyncio.create_task(retry(attempt))
    await failed.wait()
    await asyncio.sleep(0)
    assert waiting.why(Cause.KAFKA) == "gone"
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert waiting.why(Cause.KAFKA) is None
