"""The listener: a thread for each client, one engine for all, an orderly end."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import resource
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

from devstack.clickhouse import protocol
from devstack.clickhouse.engine import Engine
from devstack.clickhouse.errors import TOO_MANY_SIMULTANEOUS_QUERIES, ServerError, StartError
from devstack.clickhouse.session import HELLO_SECONDS, Session
from devstack.clickhouse.tls import plain_side
from devstack.clickhouse.users import Users
from devstack.clickhouse.watch import Interruption, Watch

log = logging.getLogger(__name__)

MAX_CLIENTS = 256
GRACE_SECONDS = 0.4
"""How long running statements may go on after the signal to stop."""

_KILL_SECONDS = 0.4
_ACCEPT_SECONDS = 0.2
"""A signal just before accept() does not interrupt it: Python runs its handler when accept() returns."""
_OWN_FILES = 1024
_LOCK_NAME = "server.lock"


def bind(host: str, port: int) -> socket.socket:
    """A socket that has the address but does not listen yet. Raises StartError, naming the address."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise StartError(f"{host} is no address to listen on: {error.strerror}") from error
    listener = socket.socket(family, kind, number)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        # Two processes may bind with SO_REUSEADDR while none listens: listening decides.
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"port {port} of {host} is in use: stop the process that has it, "
                "or choose another with --listen"
            ) from error
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


@contextmanager
def own_directory(directory: Path) -> Iterator[Path]:
    """Create the directory and hold it for this process. Raises StartError, naming it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / _LOCK_NAME).open("a+")
    except OSError as error:
        raise StartError(f"cannot use the directory {directory}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise StartError(
                f"the directory {directory} is in use by another server (process {owner}): "
                "stop it, or choose another directory with --data"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield directory


def allow_many_files() -> None:
    """The engine holds some 500 files, each client one more: take what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, _OWN_FILES + 4 * MAX_CLIENTS)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Server:
    """Accepts clients until `stop`. `stop` may be called from a signal handler."""

    def __init__(
        self,
        listener: socket.socket,
        engine: Engine,
        users: Users | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._users = users
        self._tls = tls
        self._listener = listener
        self._engine = engine
        self._watch = Watch(engine.kill)
        self._clients: dict[threading.Thread, socket.socket] = {}
        self._stopping = threading.Event()

    def serve(self) -> None:
        """Accept clients; returns after `stop` when all sessions ended or cannot be waited for."""
        self._watch.start()
        self._listener.settimeout(_ACCEPT_SECONDS)
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if self._stopping.is_set():
                    break
                log.warning("a client could not be accepted, going on: %s", error)
                time.sleep(0.1)  # Out of files: only time helps.
                continue
            self._welcome(client)
        self._end()

    def stop(self) -> None:
        """Make `serve` return."""
        self._stopping.set()
        # A shut listener wakes accept() on Linux, a closed one also elsewhere.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _welcome(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for ended in [thread for thread in self._clients if not thread.is_alive()]:
            del self._clients[ended]
        if len(self._clients) >= MAX_CLIENTS:
            refuse(client, f"Too many clients: this server serves {MAX_CLIENTS} at once")
            return
        thread = threading.Thread(target=self._talk, args=(client,), name="client", daemon=True)
        self._clients[thread] = client
        thread.start()

    def _talk(self, client: socket.socket) -> None:
        """Serve one client to its end, in its thread."""
        local = is_local(client)
        if self._tls is not None:
            plain = plain_side(client, self._tls, HELLO_SECONDS)
            if plain is None:
                return
            client = self._clients[threading.current_thread()] = plain
        Session(client, self._engine, self._watch, self._users, local=local).serve()

    def _end(self) -> None:
        """Let idle clients go, wait for busy ones, kill what is still running, close the engine."""
        self._watch.stop_listening()
        self._shut(socket.SHUT_RD)
        if not self._join(GRACE_SECONDS):
            self._watch.interrupt_all(Interruption.STOPPING)
            if not self._join(_KILL_SECONDS):
                self._shut(socket.SHUT_RDWR)
                self._join(_KILL_SECONDS / 4)
        if any(thread.is_alive() for thread in self._clients):
            log.warning("statements were still running at the end; what they answered is lost")
            return
        self._watch.close()
        self._engine.close()

    def _shut(self, how: int) -> None:
        for client in self._clients.values():
            with suppress(OSError):
                client.shutdown(how)

    def _join(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        for thread in self._clients:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._clients)


def is_local(client: socket.socket) -> bool:
    """Whether the client is on this machine."""
    try:
        return ip_address(str(client.getpeername()[0]).removeprefix("::ffff:")).is_loopback
    except (OSError, ValueError, IndexError):
        return False


def refuse(client: socket.socket, message: str) -> None:
    """Tell a client that it cannot be served, and close."""
    with client, suppress(OSError):
        client.settimeout(1.0)
        client.sendall(protocol.exception(ServerError(TOO_MANY_SIMULTANEOUS_QUERIES, message)))
