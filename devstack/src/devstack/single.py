"""One program alone, for tests: started, ready, and stopped at the end."""

import os
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from devstack import programs
from devstack.errors import StartFailed
from devstack.ports import free_addresses
from devstack.process import Program, Run, until_ready
from devstack.readiness import quiet_client_logs

START_LIMIT_S = 120.0
STOP_PATIENCE_S = 20.0


@asynccontextmanager
async def broker(data: Path) -> AsyncIterator[str]:
    """Bootstrap servers of a broker on free ports that creates no topic by itself; it stores in `data`."""
    quiet_client_logs()
    addresses = free_addresses(random.Random())  # noqa: S311 - ports are no secret
    program = programs.kafka(addresses.kafka, addresses.kafka_controller, data)
    async with running(program, data / "kafka.log"):
        yield str(program.address)


@asynccontextmanager
async def running(
    program: Program, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Run]:
    """Run the program for as long as the block lasts; it is ready when the block begins.

    `environment` is what it gets in the place of this process's. Raises StartFailed with the end of its log when it
    dies or is not ready in two minutes.
    """
    run = await Run.start(program.command, log, os.environ if environment is None else environment)
    try:
        await ready(program, run, START_LIMIT_S)
        yield run
    finally:
        await run.stop(STOP_PATIENCE_S)


async def ready(program: Program, run: Run, limit_s: float) -> None:
    """Wait until this run of the program answers. Raises StartFailed, also when it dies first."""

    async def question() -> str:
        if run.returncode is not None:
            raise StartFailed(f"{program.name} died while starting:\n{run.log_end()}")
        return await program.question()

    try:
        await until_ready(question, limit_s)
    except TimeoutError as error:
        raise StartFailed(
            f"{program.name} was not ready in {limit_s:g} s ({error}):\n{run.log_end()}"
        ) from None
