"""Keeps the programs of the stack running, and ends them in order.

Each program has one task that starts it, waits for its end, and starts it again after a pause
that grows (backoff.py). A program that dies too often too quickly ends the whole stack.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devstack.backoff import Backoff
from devstack.errors import StartFailed
from devstack.process import Job, Program, Run, describe_status, run_job, until_ready

READY_LIMIT_S = 180.0
JOB_LIMIT_S = 120.0
STOP_PATIENCE_S = 15.0

Report = Callable[[str], None]


class Supervisor:
    """Starts, keeps and stops programs. One event loop, one thread; not reusable after `stop`.

    `log_of` gives the log file for a name; `report` is told what a person should know. `own` are variables that
    only the program or job of that name gets, beside `environment`.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log_of: Callable[[str], Path],
        report: Report,
        *,
        backoff: Backoff | None = None,
        own: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._environment = environment
        self._own = own or {}
        self._log_of = log_of
        self._report = report
        self.changed: Callable[[], None] = lambda: None
        """Called after every start and every death of a program; set it before `start`."""
        self._backoff = backoff or Backoff()
        self._kept: dict[str, asyncio.Task[None]] = {}
        self._runs: dict[str, Run] = {}
        self._stopping: set[str] = set()
        self.failed: asyncio.Future[StartFailed] = asyncio.get_running_loop().create_future()
        """Gets its result when a program was given up."""

    def _variables(self, name: str) -> Mapping[str, str]:
        return {**self._environment, **self._own.get(name, {})}

    def pids(self) -> dict[str, int]:
        """Name -> process id of what runs at this moment."""
        return {name: run.pid for name, run in self._runs.items() if run.returncode is None}

    async def start(self, programs: Iterable[Program]) -> None:
        """Start the programs together; return when each has answered that it is ready.

        Raises StartFailed when one is given up or is not ready in three minutes.
        """
        programs = list(programs)
        for program in programs:
            task = asyncio.create_task(self._keep(program))
            task.add_done_callback(self._keeper_ended)
            self._kept[program.name] = task
        try:
            async with asyncio.TaskGroup() as group:
                for program in programs:
                    group.create_task(self._ready(program))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def run_jobs(self, jobs: Iterable[Job]) -> None:
        """Run the jobs one after the other. Raises StartFailed at the first that fails."""
        for job in jobs:
            await run_job(job, self._log_of(job.name), self._variables(job.name), JOB_LIMIT_S)

    async def stop(self, order: Sequence[Sequence[str]]) -> None:
        """Stop the groups in order, the programs of one group together. Waits until all ended."""
        for group in order:
            await asyncio.gather(*(self._stop_one(name) for name in group if name in self._kept))

    async def kill(self) -> None:
        """End everything at once, in no order."""
        self._stopping |= self._kept.keys()
        await asyncio.gather(*(run.kill() for run in self._runs.values()))
        await self.stop([tuple(self._kept)])

    async def _stop_one(self, name: str) -> None:
        self._stopping.add(name)
        if (run := self._runs.get(name)) is not None:
            await run.stop(STOP_PATIENCE_S)
        task = self._kept[name]
        task.cancel()
        await asyncio.wait({task})
        if (run := self._runs.get(name)) is not None:
            # Started between the question above and the cancellation.
            await run.kill()

    def _keeper_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self.failed.done():
            self.failed.set_result(StartFailed(f"a program could not be started: {error}"))

    async def _keep(self, program: Program) -> None:
        account = self._backoff
        while program.name not in self._stopping:
            run = await self._run_once(program)
            if program.name in self._stopping:
                return
            account = account.after_death(run.age_s)
            self._report(self._obituary(program, run, account))
            if account.exhausted:
                self._give_up(program)
                return
            await asyncio.sleep(account.pause_s)

    async def _run_once(self, program: Program) -> Run:
        log = self._log_of(program.name)
        run = await Run.start(program.command, log, self._variables(program.name))
        self._runs[program.name] = run
        self.changed()
        await run.wait()
        self.changed()
        return run

    def _obituary(self, program: Program, run: Run, account: Backoff) -> str:
        next_step = (
            f"that was {account.quick_deaths} times in a row, it is given up"
            if account.exhausted
            else f"it is started again in {account.pause_s:g} s"
        )
        how = describe_status(run.returncode or 0)
        return f"{program.name} {how} after {run.age_s:.0f} s; {next_step}:\n{run.log_end()}"

    def _give_up(self, program: Program) -> None:
        if not self.failed.done():
            log = self._log_of(program.name)
            self.failed.set_result(StartFailed(f"{program.name} does not stay up; log: {log}"))

    async def _ready(self, program: Program) -> None:
        asking = asyncio.create_task(until_ready(program.question, READY_LIMIT_S))
        try:
            either: set[asyncio.Future[Any]] = {asking, self.failed}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise self.failed.result()
            asking.result()
        except TimeoutError as error:
            raise StartFailed(self._not_ready(program, error)) from None
        finally:
            asking.cancel()

    def _not_ready(self, program: Program, error: Exception) -> str:
        run = self._runs.get(program.name)
        end = run.log_end() if run else "    (it never started)"
        log = self._log_of(program.name)
        return f"{program.name} is not ready after {READY_LIMIT_S:g} s: {error}\n{end}\n  log: {log}"
