"""The thread of a spool: what is to be on disk gets there without anybody waiting for it."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final

from eventrail_client.events import Event
from eventrail_client.spool import Spool
from eventrail_client.threads import started

_log = logging.getLogger("eventrail_client")

RETRY_SECONDS: Final = 5.0

GATHER_SECONDS: Final = 0.05
"""What comes in this time goes to the disk together; an event that is accepted sooner never does."""

_inherited: Final[list[Spool]] = []
"""Of a parent process: closing them is its business alone."""


class SpoolThread:
    """A `Journal` on disk in `folder`; it holds the events that are not written yet, at most those of the queue.

    `found` is called in the thread with events that an earlier client left behind, once, before anything is
    written. A disk that fails costs nothing but the spool: it is logged, and tried again.
    """

    def __init__(self, folder: Path, found: Callable[[Iterable[Event]], None]) -> None:
        self._folder = folder
        self._found = found
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._kept: dict[int, Event] = {}
        self._forgotten: set[int] = set()
        self._closing = False
        self._failed = False
        self._spool: Spool | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look for what an earlier client left behind; else the first event starts the thread."""
        with self._changed:
            if self._thread is None and not self._closing:
                self._thread = started(self._run, "eventrail-spool")

    def keep(self, number: int, event: Event) -> None:
        """Write `event` soon."""
        with self._changed:
            self._kept[number] = event
            self._changed.notify_all()
        self.start()

    def forget(self, number: int) -> None:
        """Take the event with this number off the disk soon, or do not write it at all."""
        with self._changed:
            if self._kept.pop(number, None) is None:
                self._forgotten.add(number)
                self._changed.notify_all()

    def close(self, seconds: float) -> int:
        """Write what is not written and give the file back; blocks for at most so many seconds.

        Returns how many events are not on disk and should be.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._changed:
            return len(self._kept)

    def hold(self) -> None:
        """Before a fork: let no write be under way, until `release`."""
        self._writing.acquire()

    def release(self) -> None:
        """After a fork, in the process that forked."""
        self._writing.release()

    def forked(self) -> None:
        """After a fork, in the child: begin anew, with a file of its own."""
        if self._spool is not None:
            _inherited.append(self._spool)
        self._reset()

    def _run(self) -> None:
        while self._wait():
            is_last = self._closing
            try:
                self._write()
            except (sqlite3.Error, OSError):
                self._tell()
                if is_last:
                    break
                self._pause()
            else:
                self._failed = False
        self._end()

    def _wait(self) -> bool:
        """Wait for work; False where there is none and there will be none."""
        with self._changed:
            if self._spool is None:
                return not self._closing or bool(self._kept)
            self._changed.wait_for(lambda: self._kept or self._forgotten or self._closing)
            self._changed.wait_for(lambda: self._closing, GATHER_SECONDS)
            return bool(self._kept or self._forgotten)

    def _write(self) -> None:
        with self._writing:
            if self._spool is None:
                self._spool = Spool(self._folder)
                self._spool.take_over(partial(self._take_over, self._spool))
            self._write_pending(self._spool)

    def _take_over(self, spool: Spool, events: Iterable[Event]) -> None:
        self._found(events)
        self._write_pending(spool)

    def _write_pending(self, spool: Spool) -> None:
        with self._changed:
            kept, self._kept = self._kept, {}
            forgotten, self._forgotten = self._forgotten, set()
        try:
            spool.write(kept, forgotten)
        except BaseException:
            with self._changed:
                gone = self._forgotten & kept.keys()
                self._kept = {n: one for n, one in kept.items() if n not in gone} | self._kept
                self._forgotten = (self._forgotten - gone) | forgotten
            raise

    def _tell(self) -> None:
        if not self._failed:
            _log.warning(
                "the spool in %s fails; events are kept in memory alone", self._folder, exc_info=True
            )
        self._failed = True

    def _pause(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing, RETRY_SECONDS)

    def _end(self) -> None:
        with self._writing:
            if self._spool is not None:
                try:
                    self._spool.close()
                except (sqlite3.Error, OSError):
                    self._tell()
