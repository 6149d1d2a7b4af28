"""One embedded server for all tests of this folder, and more of them for tests that kill theirs."""

import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client

from devstack.clickhouse import command, ready

START_SECONDS = 30.0


def wait(holds: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    """Return as soon as it holds; fail when that takes too long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.005)


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., None]:
    return wait


def free_port() -> int:
    while True:
        port = random.randrange(20000, 32000)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass
class Running:
    """A server in a process of its own; `log` is the file with what it printed."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path
    log: Path

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)


def start_server(data: Path, port: int | None = None) -> Running:
    port = port or free_port()
    log = data.with_suffix(".log")
    with log.open("ab") as sink:
        process = subprocess.Popen(command(f"127.0.0.1:{port}", data), stdout=sink, stderr=sink)
    server = Running(process, port, data, log)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        return ready("127.0.0.1", port)

    try:
        wait(answers, "the server is ready", START_SECONDS)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return server


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests; none may stop it."""
    server = start_server(tmp_path_factory.mktemp("clickhouse") / "data")
    yield server
    assert server.stop() == 0, server.log.read_text(errors="replace")
    assert " ERROR " not in server.log.read_text(errors="replace")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts servers of this test's own; `start(again=server)` takes port and data of a dead one."""
    servers: list[Running] = []

    def begin(again: Running | None = None) -> Running:
        data = again.data if again else tmp_path / f"data{len(servers)}"
        servers.append(start_server(data, again.port if again else None))
        return servers[-1]

    yield begin
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Client]]:
    """Makes clients of the shared server, or of `server`, and disconnects them after the test."""
    clients: list[Client] = []

    def make(server: Running | None = None, **options: Any) -> Client:
        chosen = server or request.getfixturevalue("shared_server")
        options.setdefault("send_receive_timeout", 30)
        clients.append(Client("127.0.0.1", chosen.port, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.disconnect()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    """A client of the shared server."""
    return connect()


@pytest.fixture
def table(client: Client, request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Creates a table of this test in an Atomic database: `table("a UInt8")` answers its name."""
    client.execute("CREATE DATABASE IF NOT EXISTS eventrail")
    made: list[str] = []

    def create(columns: str, engine: str = "MergeTree ORDER BY tuple()") -> str:
        name = f"eventrail.t{random.getrandbits(64):016x}"
        client.execute(f"CREATE TABLE {name} ({columns}) ENGINE = {engine}")
        made.append(name)
        return name

    yield create
    client.disconnect()
    for name in made:
        client.execute(f"DROP TABLE {name} SYNC")
