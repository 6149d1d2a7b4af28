"""One process of the stack: what it is, and one run of it with its log.

A run is leashed to this process (see leash.py) and has a session of its own, so Ctrl-C at the
terminal reaches only the supervisor, which then stops everything in order.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack import leash
from devstack.errors import StartFailed
from devstack.logtail import tail
from devstack.ports import Address
from devstack.readiness import Question

TAIL_LINES = 20
ASK_EVERY_S = 0.1


@dataclass(frozen=True)
class Program:
    """Something that runs as long as the stack: its command, and how to ask whether it is ready."""

    name: str
    command: tuple[str, ...]
    address: Address
    question: Question


@dataclass(frozen=True)
class Job:
    """Something that runs once while the stack starts, and must end with status 0."""

    name: str
    command: tuple[str, ...]


class Run:
    """One process from its start to its end, with stdout and stderr appended to a log file."""

    def __init__(self, process: Process, log: Path, log_begin: int) -> None:
        self._process = process
        self._log_begin = log_begin
        self._began = time.monotonic()
        self.log = log

    @classmethod
    async def start(cls, command: tuple[str, ...], log: Path, environment: Mapping[str, str]) -> "Run":
        """Start the command under the leash. Raises OSError when the log cannot be written.

        Call it from a thread that lives as long as the process shall: on Linux the leash is
        tied to the thread that started it.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            log_begin = output.tell()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid())),
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                start_new_session=True,
            )
        return cls(process, log, log_begin)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; minus the signal's number when one ended it."""
        return self._process.returncode

    @property
    def age_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    async def wait(self) -> int:
        return await self._process.wait()

    async def stop(self, patience_s: float) -> int:
        """End it: SIGTERM, wait at most `patience_s`, then SIGKILL. Return its status."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self._process.wait(), patience_s)
        return await self.kill()

    async def kill(self) -> int:
        """End it and all of its session at once."""
        self._signal(signal.SIGKILL)
        return await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    def log_end(self) -> str:
        """The last lines that this run wrote, indented, or a note that there are none."""
        lines = tail(self.log, TAIL_LINES, begin=self._log_begin) or "(it wrote nothing)"
        return "\n".join(f"    {line}" for line in lines.splitlines())


async def run_job(job: Job, log: Path, environment: Mapping[str, str], limit_s: float) -> None:
    """Run it to its end. Raises StartFailed with the end of its log on any status but 0."""
    run = await Run.start(job.command, log, environment)
    try:
        async with asyncio.timeout(limit_s):
            status = await run.wait()
    except TimeoutError:
        status = await run.kill()
        raise StartFailed(f"{job.name} did not end in {limit_s:g} s:\n{run.log_end()}") from None
    except asyncio.CancelledError:
        await run.kill()
        raise
    if status != 0:
        raise StartFailed(f"{job.name} {describe_status(status)}:\n{run.log_end()}\n  log: {log}")


async def until_ready(question: Question, limit_s: float) -> None:
    """Ask again and again until the answer is yes. Raises TimeoutError that holds the last no."""
    last = "it was never asked"
    try:
        async with asyncio.timeout(limit_s):
            while last := await question():  # noqa: ASYNC110
                await asyncio.sleep(ASK_EVERY_S)
    except TimeoutError:
        raise TimeoutError(last) from None


def describe_status(status: int) -> str:
    """Say in words how a process ended, from its return code."""
    if status >= 0:
        return f"ended with status {status}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"
