"""One program alone, for tests: started, ready, and stopped at the end."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devstack.errors import StartFailed
from devstack.process import Program, Run, until_ready

START_LIMIT_S = 120.0
STOP_PATIENCE_S = 20.0


@asynccontextmanager
async def running(program: Program, log: Path) -> AsyncIterator[Run]:
    """Run the program for as long as the block lasts; it is ready when the block begins.

    Raises StartFailed with the end of its log when it dies or is not ready in two minutes.
    """
    run = await Run.start(program.command, log, os.environ)
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
