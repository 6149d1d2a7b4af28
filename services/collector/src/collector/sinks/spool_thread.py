"""The spool's thread: what many requests want to write is on disk after one fsync.

While a commit runs, requests gather; the next commit takes all of them. So the number of fsyncs a second is what the
disk can do, whatever the number of requests.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final

from collector.sinks import Placed
from collector.sinks.spool_file import SpoolBroken, SpoolFile, SpoolFull, Stored
from eventrail import logs

_log = logs.get(__name__)

_COMMIT_BYTES: Final = 4 * 1024 * 1024


@dataclass(slots=True, eq=False)
class _Job:
    """Something that the thread shall do; `done` belongs to the loop."""

    done: asyncio.Future[Any]
    events: Sequence[Placed] = ()
    size: int = 0
    forget: int = 0
    work: Callable[[], Any] | None = None
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class _Round:
    """Jobs that end together."""

    jobs: list[_Job] = field(default_factory=list)
    size: int = 0

    def add(self, job: _Job) -> None:
        self.jobs.append(job)
        self.size += job.size


class SpoolThread:
    """Runs all work of `file`, which it owns, in the order in which it was asked. Make it inside the running loop."""

    def __init__(self, file: SpoolFile) -> None:
        self._file = file
        self.held = file.held()
        """What is on disk, as of the last round."""
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    async def write(self, events: Sequence[Placed], size: int) -> None:
        """Return when `events` (of `size` bytes) are on disk. Raises SpoolFull or SpoolBroken: then none of them is."""
        await self._ask(_Job(self._loop.create_future(), events, size))

    async def forget(self, upto: int) -> None:
        """Take out the events up to place `upto`.

        Raises SpoolFull or SpoolBroken where the disk does not let that be; where it can be read, they count as
        `held.kept` from then on.
        """
        await self._ask(_Job(self._loop.create_future(), forget=upto))

    async def read(self, after: int, max_events: int, max_bytes: int) -> list[Stored]:
        """As SpoolFile.read, with all that was asked to be written before."""
        found: list[Stored] = await self._ask(
            _Job(self._loop.create_future(), work=lambda: self._file.read(after, max_events, max_bytes))
        )
        return found

    async def shrink(self) -> None:
        """As SpoolFile.shrink."""
        await self._ask(_Job(self._loop.create_future(), work=self._file.shrink))

    async def close(self, patience: float | None = None) -> None:
        """Finish what was asked, and close the file; after `patience` seconds leave that to the thread."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join, patience)
        if self._thread.is_alive():
            _log.error("the disk of the spool does not answer, what was being written may be lost")

    async def _ask(self, job: _Job) -> Any:
        if self._closed:
            raise SpoolBroken("the spool is closed")
        self._jobs.put(job)
        return await job.done

    def _run(self) -> None:
        last = False
        while not last:
            gathered, last = self._gather()
            self._write(gathered.jobs)
            for job in gathered.jobs:
                self._work(job)
            self.held = self._file.held()
            # After a close that did not wait, the loop may be gone.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_settle, gathered.jobs)
        self._file.close()

    def _gather(self) -> tuple[_Round, bool]:
        """Wait for a job, and take with it what else waits; the second is True where nothing comes after."""
        gathered, job = _Round(), self._jobs.get()
        while job is not None:
            gathered.add(job)
            if gathered.size >= _COMMIT_BYTES or self._jobs.empty():
                return gathered, False
            job = self._jobs.get()
        return gathered, True

    def _write(self, jobs: Iterable[_Job]) -> None:
        writing = [job for job in jobs if job.events or job.forget]
        events = [event for job in writing for event in job.events]
        forget = max((job.forget for job in writing), default=0)
        if not writing:
            return
        try:
            self._write_all(events, forget)
        except Exception as error:  # whatever it is: the requests hear of it, and the thread goes on
            named = _named(error)
            for job in writing:
                job.error = named
            self._keep(forget)

    def _keep(self, upto: int) -> None:
        # Where this fails too they still count as in the spool, and whoever asked tries again.
        with contextlib.suppress(Exception):
            if upto:
                self._file.keep(upto)

    def _write_all(self, events: list[Placed], forget: int) -> None:
        try:
            self._file.write(events, forget)
        except SpoolFull:
            if not forget or not events:
                raise
            # What is taken out may be the room that is missing.
            self._file.write([], forget)
            self._file.write(events)

    def _work(self, job: _Job) -> None:
        if job.work is None:
            return
        try:
            job.result = job.work()
        except Exception as error:  # as above
            job.error = _named(error)


def _named(error: Exception) -> SpoolFull | SpoolBroken:
    if isinstance(error, SpoolFull | SpoolBroken):
        return error
    _log.exception("the spool failed in an unknown way")
    return SpoolBroken(repr(error))


def _settle(jobs: Iterable[_Job]) -> None:
    for job in jobs:
        if job.done.done():
            continue
        if job.error is not None:
            job.done.set_exception(job.error)
        else:
            job.done.set_result(job.result)
