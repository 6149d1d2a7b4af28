"""Watching clients while their statements run: a cancel packet or a hang-up stops the statement.

Two threads serve all clients. One waits on the sockets of those whose statements run. The other repeats
the kill until the statement has ended, since a kill that comes before the engine has registered the statement
finds nothing.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum

from devstack.clickhouse.protocol import ClientPacket

log = logging.getLogger(__name__)

_KILL_EVERY_SECONDS = 0.05


class Interruption(Enum):
    """Why a statement was stopped before its end."""

    CANCELLED = "the client cancelled"
    GONE = "the client hung up"
    STOPPING = "the server is stopping"


class Running:
    """One statement that runs: its mark in the engine, and why it was interrupted, if it was."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.interruption: Interruption | None = None


class Watch:
    """Interrupts statements; `kill` stops the one with a given mark and may be called again."""

    def __init__(self, kill: Callable[[str], None]) -> None:
        self._kill = kill
        self._changed = threading.Condition()
        self._running: set[Running] = set()
        self._closed = False
        self._deaf = False
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._listen, "watch"), (self._kill_interrupted, "kill"))
        ]

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    @contextmanager
    def statement(self, client: socket.socket, mark: str) -> Iterator[Running]:
        """Watch this client while the body runs; nobody else may read its socket meanwhile."""
        running = Running(mark)
        with self._changed:
            self._running.add(running)
            self._selector.register(client, selectors.EVENT_READ, running)
        try:
            yield running
        finally:
            with self._changed:
                self._running.discard(running)
                self._forget(client)

    def interrupt(self, running: Running, why: Interruption) -> None:
        """Stop this statement; the first reason counts."""
        with self._changed:
            if running.interruption is None:
                running.interruption = why
            self._changed.notify_all()

    def interrupt_all(self, why: Interruption) -> None:
        """Stop all statements that run now."""
        with self._changed:
            for running in self._running:
                self.interrupt(running, why)

    def stop_listening(self) -> None:
        """From now on no client's packet or hang-up stops its statement."""
        self._deaf = True
        self._waker.send(b"\0")

    def close(self) -> None:
        """End both threads; no statement may be running."""
        self.stop_listening()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._selector.close()
        self._wake.close()
        self._waker.close()

    @property
    def listening(self) -> bool:
        """Whether packets and hang-ups are still looked at."""
        return self._threads[0].is_alive()

    def _forget(self, client: socket.socket) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(client)

    def _listen(self) -> None:
        while not self._deaf:
            for key, _ in self._selector.select():
                # Under the lock, so that the session cannot read the socket at the same time.
                with self._changed:
                    if key.data in self._running and not self._deaf:
                        self._look(key.fileobj, key.data)  # type: ignore[arg-type]

    def _look(self, client: socket.socket, running: Running) -> None:
        self._forget(client)
        try:
            seen = client.recv(1, socket.MSG_PEEK)
        except OSError:
            seen = b""
        if not seen:
            self.interrupt(running, Interruption.GONE)
        elif seen[0] == ClientPacket.CANCEL:
            client.recv(1)
            self.interrupt(running, Interruption.CANCELLED)

    def _interrupted(self) -> list[Running]:
        return [running for running in self._running if running.interruption is not None]

    def _kill_interrupted(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._interrupted())
                if self._closed:
                    return
                doomed = self._interrupted()
            for running in doomed:
                try:
                    self._kill(running.mark)
                except RuntimeError as error:
                    log.warning("a statement could not be killed, trying again: %s", error)
            with self._changed:
                self._changed.wait(_KILL_EVERY_SECONDS)
