"""A short form of the matrix, and the proof that it finds what it is there to find."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.matrix.blows import Plan, plan
from tests.faults.matrix.stack import Stack, stack
from tests.faults.matrix.trial import Result, Trial

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PATIENCE_S = 8.0
"""For runs that are to fail."""


def planted(bug: str, **more: str) -> dict[str, str]:
    return {"PLANTED": bug, **more}


PLANTED = {
    "collector-3": planted("answer_before_ack"),
    "writer-3": planted("commit_before_insert"),
    "query-api-2": planted("read_without_final"),
}
"""Services that no drawn plan uses, each with a bug."""


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack in which the services of PLANTED have a bug."""
    more = {
        # Copies are to reach the table, where the next ones stand.
        "writer": {"EVENTRAIL_WRITER_KNOWN_EVENTS": "0"},
        **PLANTED,
    }
    folder = tmp_path_factory.mktemp("matrix")
    async with stack(folder, more=more) as made:
        yield made


def told(result: Result) -> str:
    return "\n".join([f"seed {result.seed}: {result.kind}: {result.words}", *result.faults])


@pytest.mark.parametrize(
    "kind",
    [
        "kill all",
        pytest.param("network", marks=pytest.mark.long),
        pytest.param("kill one", marks=pytest.mark.long),
        pytest.param("freeze", marks=pytest.mark.long),
    ],
)
async def test_nothing_is_lost_and_nothing_doubled(running: Stack, kind: str) -> None:
    made = plan(11, kind)
    assert not PLANTED.keys() & set(made.services), "a planted bug would be found"
    result = await Trial(running, made).run()
    assert not result.faults, told(result)
    assert result.hit, "nothing was in flight at the blow, so this run has shown nothing"


def struck(strike: Callable[[Stack], Awaitable[None]], *services: str) -> Plan:
    """A plan of these services, and nothing else of their kinds."""
    made = plan(1)
    kinds = {name.rpartition("-")[0] for name in services}
    others = tuple(name for name in made.services if name.rpartition("-")[0] not in kinds)
    return replace(made, kind="planted", words="a bug", services=(*others, *services), strike=strike)


def killed_while_frozen(name: str, backend: str, for_s: float) -> Callable[[Stack], Awaitable[None]]:
    """`name` is killed while `backend`, frozen for `for_s` seconds, owes it an answer, and is started again."""

    async def strike(stack: Stack) -> None:
        stack.freeze(backend)
        await asyncio.sleep(for_s)
        await stack.kill(name)
        stack.thaw(backend)
        await stack.start(name)

    return strike


@pytest.mark.long
async def test_a_writer_that_commits_before_it_inserts_is_found(running: Stack) -> None:
    strike = killed_while_frozen("writer-3", "clickhouse", for_s=2)
    result = await Trial(running, struck(strike, "writer-3"), PATIENCE_S).run()
    assert "lost: accepted, but not in the table" in told(result)


@pytest.mark.long
async def test_a_collector_that_answers_before_the_broker_does_is_found(running: Stack) -> None:
    strike = killed_while_frozen("collector-3", "kafka", for_s=1)
    result = await Trial(running, struck(strike, "collector-3"), PATIENCE_S).run()
    assert "lost: accepted, but not in the table" in told(result)


async def nothing(_stack: Stack) -> None:
    """No blow: some bugs need none."""


async def no_merges(stack: Stack) -> None:
    """From here on copies stay where they are: on a slow machine they would be one before anybody asks."""
    await asyncio.to_thread(stack.rows, "SYSTEM STOP MERGES events")


async def test_a_query_api_that_reads_without_final_is_found(running: Stack) -> None:
    running.asked = "query-api-2"
    try:
        result = await Trial(running, struck(no_merges, "query-api-2"), PATIENCE_S).run()
    finally:
        running.asked = "query-api-1"
        await asyncio.to_thread(running.rows, "SYSTEM START MERGES events")
    assert "doubled in the property breakdown" in told(result)
    assert "doubled in the table" not in told(result)


@pytest.mark.long
async def test_a_sort_key_that_holds_the_visitor_is_found(tmp_path: Path) -> None:
    more = {"migrate": planted("sort_key_with_visitor")}
    async with stack(tmp_path, more=more) as made:
        result = await Trial(made, struck(nothing), PATIENCE_S).run()
    assert "doubled in the table" in told(result)
