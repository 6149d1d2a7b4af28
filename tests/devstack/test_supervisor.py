"""The supervisor with fake programs: order, restarts, giving up, and that nothing stays behind."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devstack.backoff import Backoff
from devstack.errors import StartFailed
from devstack.identity import identify
from devstack.ports import Address, Addresses, free_addresses
from devstack.process import Job, Program, until_ready
from devstack.supervisor import Supervisor

MakeServer = Callable[[str, Address], Program]
MakeJob = Callable[[str, str], Job]

QUICK = Backoff(first_s=0.05, longest_s=0.2, quick_s=600, allowed=3)


@pytest.fixture
def addresses() -> Addresses:
    return free_addresses(random.Random())


@asynccontextmanager
async def supervising(
    tmp_path: Path, backoff: Backoff = QUICK
) -> AsyncIterator[tuple[Supervisor, list[str]]]:
    told: list[str] = []
    supervisor = Supervisor(os.environ, lambda name: tmp_path / f"{name}.log", told.append, backoff=backoff)
    try:
        yield supervisor, told
    finally:
        await supervisor.kill()
        assert supervisor.pids() == {}


def dying(name: str, at: Address, code: str) -> Program:
    async def never() -> str:
        return "not ready"

    return Program(name, (sys.executable, "-I", "-c", code), at, never)


async def test_it_is_up_when_all_answer(tmp_path: Path, server: MakeServer, addresses: Addresses) -> None:
    async with supervising(tmp_path) as (supervisor, told):
        await supervisor.start([server("one", addresses.collector), server("two", addresses.writer)])
        assert set(supervisor.pids()) == {"one", "two"}
        assert told == []


async def test_programs_stop_in_the_given_order(
    tmp_path: Path, server: MakeServer, addresses: Addresses, ends: Path
) -> None:
    async with supervising(tmp_path) as (supervisor, _):
        names = ("collector", "enricher", "writer", "kafka")
        places = [addresses.collector, addresses.enricher, addresses.writer, addresses.kafka]
        await supervisor.start(server(name, at) for name, at in zip(names, places, strict=True))
        pids = [identify(pid) for pid in supervisor.pids().values()]
        await supervisor.stop([["collector"], ["enricher"], ["writer"], ["kafka"], ["unknown"]])
        assert ends.read_text().split() == list(names)  # noqa: ASYNC240
        assert not any(process and process.is_alive() for process in pids)


async def test_a_killed_program_is_reported_and_started_again(
    tmp_path: Path, server: MakeServer, addresses: Addresses
) -> None:
    async with supervising(tmp_path) as (supervisor, told):
        program = server("writer", addresses.writer)
        changes: list[dict[str, int]] = []
        supervisor.changed = lambda: changes.append(supervisor.pids())
        await supervisor.start([program])
        first = supervisor.pids()["writer"]
        os.kill(first, signal.SIGKILL)

        async def another() -> str:
            return "" if supervisor.pids().get("writer", first) != first else "still the first"

        await until_ready(another, 20)
        await until_ready(program.question, 20)
        (obituary,) = told
        assert "writer was ended by SIGKILL" in obituary
        assert "started again in 0.05 s" in obituary
        assert f"started {first}" in obituary
        assert changes == [{"writer": first}, {}, {"writer": supervisor.pids()["writer"]}]


async def test_repeated_quick_deaths_are_given_up_loudly(tmp_path: Path, addresses: Addresses) -> None:
    async with supervising(tmp_path) as (supervisor, told):
        with pytest.raises(StartFailed, match=r"writer does not stay up; log: .*writer\.log"):
            await supervisor.start([dying("writer", addresses.writer, "print('no table'); exit(2)")])
        assert len(told) == QUICK.allowed + 1
        assert all("writer ended with status 2" in text and "    no table" in text for text in told)
        assert "given up" in told[-1]
        assert (await supervisor.failed).args[0].startswith("writer")


async def test_one_failure_during_the_start_ends_the_waiting_for_the_others(
    tmp_path: Path, server: MakeServer, addresses: Addresses
) -> None:
    async with supervising(tmp_path) as (supervisor, _):
        hanging = dying("hanging", addresses.kafka, "import time; time.sleep(600)")
        broken = dying("broken", addresses.writer, "exit(1)")
        with pytest.raises(StartFailed, match="broken"):
            await supervisor.start([hanging, broken, server("fine", addresses.collector)])


async def test_a_command_that_does_not_exist_is_told(tmp_path: Path, addresses: Addresses) -> None:
    async with supervising(tmp_path, Backoff(first_s=0, allowed=0)) as (supervisor, told):
        program = dying("writer", addresses.writer, "")
        missing = Program("writer", ("/no/such/program",), program.address, program.question)
        with pytest.raises(StartFailed):
            await supervisor.start([missing])
        assert "cannot run /no/such/program: No such file or directory" in told[0]


async def test_a_stop_while_a_program_waits_for_its_restart_ends_it(
    tmp_path: Path, addresses: Addresses
) -> None:
    async with supervising(tmp_path, Backoff(first_s=600, longest_s=600)) as (supervisor, told):
        starting = asyncio.create_task(supervisor.start([dying("writer", addresses.writer, "exit(1)")]))

        async def died() -> str:
            return "" if told else "not yet"

        await until_ready(died, 20)
        starting.cancel()
        await asyncio.wait({starting})
        await asyncio.wait_for(supervisor.stop([["writer"]]), 10)
        assert supervisor.pids() == {}


async def test_jobs_run_one_after_the_other(tmp_path: Path, job: MakeJob) -> None:
    note = tmp_path / "order"
    append = f"open({str(note)!r}, 'a').write"
    async with supervising(tmp_path) as (supervisor, _):
        await supervisor.run_jobs([job("first", f"{append}('1')"), job("second", f"{append}('2')")])
    assert note.read_text() == "12"


async def test_a_failed_job_stops_the_row(tmp_path: Path, job: MakeJob) -> None:
    async with supervising(tmp_path) as (supervisor, _):
        with pytest.raises(StartFailed, match="first ended with status 1"):
            await supervisor.run_jobs([job("first", "exit(1)"), job("second", "print('ran')")])
    assert not (tmp_path / "second.log").exists()


async def test_a_kill_overtakes_a_stop_that_takes_long(tmp_path: Path, addresses: Addresses) -> None:
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"{ignore}; print('up', flush=True); time.sleep(600)"
    async with supervising(tmp_path) as (supervisor, told):

        async def up() -> str:
            log = tmp_path / "writer.log"
            return "" if log.exists() and log.read_text() else "not yet"

        stubborn = dying("writer", addresses.writer, code)
        await supervisor.start([Program("writer", stubborn.command, addresses.writer, up)])
        stopping = asyncio.create_task(supervisor.stop([["writer"]]))
        await asyncio.sleep(0)
        await asyncio.wait_for(supervisor.kill(), 10)
        await asyncio.wait_for(stopping, 10)
        assert supervisor.pids() == {}
        assert told == []


async def test_a_program_and_a_job_get_the_variables_of_their_name_alone(
    tmp_path: Path, addresses: Addresses
) -> None:
    told = "import os; print(os.environ.get('SHARED'), os.environ.get('OWN'))"
    own = {"one": {"OWN": "1"}, "two": {"SHARED": "mine", "OWN": "2"}}
    log = tmp_path.joinpath
    supervisor = Supervisor({**os.environ, "SHARED": "all"}, log, print, own=own)
    await supervisor.run_jobs(Job(name, (sys.executable, "-c", told)) for name in ("one", "two", "three"))
    said = {name: await asyncio.to_thread(log(name).read_text) for name in ("one", "two", "three")}
    assert said == {"one": "all 1\n", "two": "mine 2\n", "three": "all None\n"}
