"""Start, stop, crash and return of the server's process."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ServerException

from devstack.clickhouse import command
from devstack.clickhouse.errors import StartError
from devstack.clickhouse.server import bind, own_directory

Start = Callable[..., Any]
Connect = Callable[..., Client]
Wait = Callable[..., None]


def test_a_used_port_is_named() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(StartError, match=rf"port {port} of 127\.0\.0\.1 is in use"):
            bind("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartError, match=r"192\.0\.2\.1"):
        bind("192.0.2.1", 0)
    with pytest.raises(StartError, match="no address"):
        bind("not a host", 0)


def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    data = tmp_path / "a" / "b"
    with own_directory(data):
        assert data.is_dir()
        with pytest.raises(StartError, match=re.escape(str(data))), own_directory(data):
            pass
    with own_directory(data):
        pass


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()
    with pytest.raises(StartError, match=re.escape(str(place))), own_directory(place):
        pass


@pytest.mark.parametrize("listen", ["19000", "host:", "host:x", "host:70000"])
def test_a_wrong_address_is_refused(listen: str, tmp_path: Path) -> None:
    done = subprocess.run(command(listen, tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "for example 127.0.0.1:19000" in done.stderr


def run_to_end(listen: str, data: Path) -> tuple[int, str]:
    argv = command(listen, data)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr


@pytest.mark.stack
def test_a_second_server_is_refused_and_the_first_unharmed(
    shared_server: Any, client: Client, tmp_path: Path
) -> None:
    status, said = run_to_end("127.0.0.1:0", shared_server.data)
    assert status == 1
    assert str(shared_server.data) in said
    assert f"process {shared_server.process.pid}" in said
    status, said = run_to_end(f"127.0.0.1:{shared_server.port}", tmp_path / "other")
    assert status == 1
    assert f"port {shared_server.port} of 127.0.0.1 is in use" in said
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.stack
def test_one_line_says_that_it_is_ready(shared_server: Any) -> None:
    (line,) = (line for line in shared_server.log.read_text().splitlines() if " ready at " in line)
    assert f"127.0.0.1:{shared_server.port}" in line
    assert str(shared_server.data) in line


@pytest.mark.stack
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_orderly_with_queries_in_flight(
    wait_until: Wait, start: Start, connect: Connect, number: signal.Signals
) -> None:
    server = start()
    idle, watcher = connect(server), connect(server)
    idle.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    ended: list[BaseException] = []

    def work(sql: str) -> None:
        client = connect(server)
        try:
            client.execute(sql)
        except (Error, EOFError, OSError) as error:
            ended.append(error)

    endless = [
        "SELECT sum(sipHash64(number)) FROM numbers(100000000000)",
        "INSERT INTO t SELECT number FROM numbers(100000000000)",
    ]
    threads = [threading.Thread(target=work, args=(sql,)) for sql in endless]
    for thread in threads:
        thread.start()
    # A client that takes no answer must not hold up the end.
    lazy = connect(server)
    lazy.connection.connect()
    lazy.connection.send_query("SELECT number, repeat('x', 1000) FROM numbers(100000000000)")
    lazy.connection.send_external_tables([])
    sql = "SELECT count() FROM system.processes WHERE query LIKE '%100000000000%'"
    wait_until(lambda: watcher.execute(sql) == [(4,)], "three queries and this one run")
    began = time.monotonic()
    server.process.send_signal(number)
    status = server.process.wait(10)
    assert (status, time.monotonic() - began < 4) == (0, True), server.log.read_text()
    for thread in threads:
        thread.join()
    assert len(ended) == 2
    for error in ended:
        if isinstance(error, ServerException):
            assert (error.code, "stopping" in str(error)) == (394, True)
    for client in (idle, watcher, lazy):
        client.disconnect()


@pytest.mark.stack
def test_a_short_query_in_flight_is_answered_before_the_end(
    wait_until: Wait, start: Start, connect: Connect
) -> None:
    server = start()
    client, watcher = connect(server), connect(server)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(client.execute("SELECT sleep(0.2), 'short'")))
    thread.start()
    sql = "SELECT count() FROM system.processes WHERE query LIKE '%short%'"
    wait_until(lambda: watcher.execute(sql) == [(2,)], "the query runs")
    assert server.stop() == 0
    thread.join()
    assert answers == [[(0, "short")]]


@pytest.mark.stack
def test_tables_are_there_after_a_restart(start: Start, connect: Connect) -> None:
    server = start()
    first = connect(server)
    first.execute("CREATE DATABASE eventrail")
    first.execute(
        "CREATE TABLE eventrail.t (a UInt8) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 10"
    )
    token = {"insert_deduplication_token": "x"}
    first.execute("INSERT INTO eventrail.t VALUES", [(1,)], settings=token)
    first.disconnect()
    assert server.stop() == 0
    second = connect(start(again=server), database="eventrail")
    second.execute("INSERT INTO t VALUES", [(1,)], settings=token)
    assert second.execute("SELECT a FROM t") == [(1,)]


@pytest.mark.stack
def test_acknowledged_rows_survive_kill_9(wait_until: Wait, start: Start, connect: Connect) -> None:
    server = start()
    setup = connect(server)
    setup.execute("CREATE TABLE t (writer UInt8, n UInt32) ENGINE = MergeTree ORDER BY (writer, n)")
    acknowledged = [0, 0, 0]

    def write(writer: int) -> None:
        client = connect(server)
        try:
            while True:
                base = acknowledged[writer]
                client.execute("INSERT INTO t VALUES", [(writer, base + n) for n in range(50)])
                acknowledged[writer] += 50
        except (Error, EOFError, OSError):
            client.disconnect()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: min(acknowledged) >= 500, "each wrote ten blocks")
    server.process.kill()
    server.process.wait()
    for thread in threads:
        thread.join()
    setup.disconnect()
    client = connect(start(again=server))
    for writer, count in enumerate(acknowledged):
        sql = f"SELECT uniqExact(n) FROM t WHERE writer = {writer} AND n < {count}"
        assert client.execute(sql) == [(count,)]


@pytest.mark.stack
def test_too_many_clients_are_told_so(wait_until: Wait, start: Start, connect: Connect) -> None:
    server = start()
    crowd = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(256)]
    try:
        with pytest.raises(ServerException) as refusal:
            connect(server).execute("SELECT 1")
        assert refusal.value.code == 202
        assert "256" in str(refusal.value)
    finally:
        for member in crowd:
            member.close()

    def served() -> bool:
        try:
            return bool(connect(server).execute("SELECT 1") == [(1,)])
        except (Error, EOFError, OSError):
            return False

    wait_until(served, "there is room again")


@pytest.mark.stack
def test_help_needs_no_engine() -> None:
    argv = [sys.executable, "-m", "devstack.clickhouse", "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    assert "--listen HOST:PORT" in done.stdout
