"""Statements are stopped when their client cancels or hangs up, and only then."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from clickhouse_driver import Client

from devstack.clickhouse.protocol import ClientPacket
from devstack.clickhouse.watch import Interruption, Watch

Connect = Callable[..., Client]
Wait = Callable[..., None]

FOREVER = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)"


class Killed:
    """Stands for the engine: notes the marks that it was told to kill."""

    def __init__(self) -> None:
        self.marks: list[str] = []

    def __call__(self, mark: str) -> None:
        self.marks.append(mark)


@pytest.fixture
def killed() -> Killed:
    return Killed()


@pytest.fixture
def watch(killed: Killed) -> Iterator[Watch]:
    watch = Watch(killed)
    watch.start()
    yield watch
    watch.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def test_a_cancel_packet_is_taken_and_kills(
    wait_until: Wait, watch: Watch, killed: Killed, pair: Pair
) -> None:
    ours, theirs = pair
    with watch.statement(ours, "mark") as running:
        theirs.send(bytes((ClientPacket.CANCEL, ClientPacket.PING)))
        wait_until(lambda: "mark" in killed.marks, "the kill")
        assert running.interruption is Interruption.CANCELLED
    assert ours.recv(10) == bytes((ClientPacket.PING,))


def test_a_hang_up_kills(wait_until: Wait, watch: Watch, killed: Killed, pair: Pair) -> None:
    ours, theirs = pair
    with watch.statement(ours, "mark") as running:
        theirs.close()
        wait_until(lambda: "mark" in killed.marks, "the kill")
        assert running.interruption is Interruption.GONE


def test_the_kill_is_repeated_until_the_statement_ends(
    wait_until: Wait, watch: Watch, killed: Killed, pair: Pair
) -> None:
    with watch.statement(pair[0], "mark") as running:
        watch.interrupt(running, Interruption.STOPPING)
        wait_until(lambda: len(killed.marks) >= 3, "three kills")
    with watch.statement(pair[0], "next"):
        count = killed.marks.count("mark")
        pair[1].send(bytes((ClientPacket.CANCEL,)))
        wait_until(lambda: killed.marks.count("next") >= 3, "kills of the next one")
        # One kill may have been on its way when the first statement ended.
        assert killed.marks.count("mark") <= count + 1


def test_the_first_reason_counts(watch: Watch, pair: Pair) -> None:
    with watch.statement(pair[0], "mark") as running:
        watch.interrupt(running, Interruption.CANCELLED)
        watch.interrupt_all(Interruption.STOPPING)
        assert running.interruption is Interruption.CANCELLED


def test_another_packet_is_left_to_the_session(
    wait_until: Wait, watch: Watch, killed: Killed, pair: Pair
) -> None:
    ours, theirs = pair
    other = socket.socketpair()
    with other[0], other[1], watch.statement(ours, "mark") as running:
        theirs.send(bytes((ClientPacket.PING,)))
        # What comes later is seen later: when the second is killed, the first was looked at.
        with watch.statement(other[0], "other"):
            other[1].close()
            wait_until(lambda: "other" in killed.marks, "the second kill")
        assert running.interruption is None
    assert ours.recv(10) == bytes((ClientPacket.PING,))
    assert "mark" not in killed.marks


def test_nothing_is_killed_after_the_end(wait_until: Wait, watch: Watch, killed: Killed, pair: Pair) -> None:
    with watch.statement(pair[0], "mark"):
        pass
    pair[1].close()
    other = socket.socketpair()
    with other[0], watch.statement(other[0], "other"):
        other[1].close()
        wait_until(lambda: "other" in killed.marks, "the kill of the other")
    assert "mark" not in killed.marks


def test_a_kill_that_fails_is_tried_again(wait_until: Wait, pair: Pair) -> None:
    tries: list[str] = []

    def kill(mark: str) -> None:
        tries.append(mark)
        if len(tries) < 3:
            raise RuntimeError("busy")

    watch = Watch(kill)
    watch.start()
    with watch.statement(pair[0], "mark") as running:
        watch.interrupt(running, Interruption.CANCELLED)
        wait_until(lambda: len(tries) >= 3, "the third try")
    watch.close()


def test_hang_ups_after_the_watch_stopped_are_ignored(
    wait_until: Wait, watch: Watch, killed: Killed, pair: Pair
) -> None:
    watch.stop_listening()
    wait_until(lambda: not watch.listening, "the listener ends")
    with watch.statement(pair[0], "mark") as running:
        pair[1].close()
        watch.interrupt_all(Interruption.STOPPING)
        wait_until(lambda: "mark" in killed.marks, "the kill")
        assert running.interruption is Interruption.STOPPING


# ---- with the engine


def running_statements(client: Client, text: str) -> int:
    sql = (
        "SELECT count() FROM system.processes WHERE position(query, %(text)s) > 0 AND query NOT LIKE %(own)s"
    )
    return int(client.execute(sql, {"text": text, "own": "%system.processes%"})[0][0])


@pytest.mark.stack
def test_cancel_ends_a_long_query_and_the_connection_stays_usable(wait_until: Wait, connect: Connect) -> None:
    client, other = connect(), connect()
    progress = client.execute_with_progress(FOREVER)
    next(iter(progress))
    started = time.monotonic()
    client.cancel()
    assert time.monotonic() - started < 5
    wait_until(lambda: running_statements(other, "1000000000000") == 0, "the query ends")
    assert client.execute("SELECT 1") == [(1,)]


@pytest.mark.stack
def test_cancel_in_the_middle_of_a_result(connect: Connect) -> None:
    client = connect()
    rows = client.execute_iter("SELECT number, 'cancelled' FROM numbers(1000000000)")
    assert next(rows) == (0, "cancelled")
    client.cancel()
    assert client.execute("SELECT 2") == [(2,)]


@pytest.mark.stack
@pytest.mark.parametrize(
    ("sql", "mark"),
    [
        ("SELECT sum(sipHash64(number)) FROM numbers(1000000000001)", "1000000000001"),
        ("INSERT INTO FUNCTION null('a UInt64') SELECT number FROM numbers(1000000000002)", "000002"),
        ("SELECT number, repeat('x', 1000) FROM numbers(1000000000003)", "1000000000003"),
        (
            "SELECT sleepEachRow(1) FROM numbers(1004) SETTINGS function_sleep_max_microseconds_per_block=0",
            "1004",
        ),
    ],
    ids=["silent", "at once", "streaming", "asleep"],
)
def test_a_client_that_hangs_up_leaves_no_query_behind(
    wait_until: Wait, connect: Connect, sql: str, mark: str
) -> None:
    client, other = connect(), connect()
    client.connection.connect()
    client.connection.send_query(sql)
    client.connection.send_external_tables([])
    wait_until(lambda: running_statements(other, mark) == 1, "the query runs")
    client.connection.socket.close()
    client.connection.connected = False
    wait_until(lambda: running_statements(other, mark) == 0, "the query ends", 5)


@pytest.mark.stack
def test_others_go_on_while_one_is_killed(wait_until: Wait, connect: Connect) -> None:
    victim, neighbour, other = connect(), connect(), connect()
    results: list[Any] = []
    sql = "SELECT count() FROM numbers(300000000) WHERE sipHash64(number) % 2 >= 0"
    thread = threading.Thread(target=lambda: results.append(neighbour.execute(sql)))
    thread.start()
    next(iter(victim.execute_with_progress(FOREVER)))
    wait_until(lambda: running_statements(other, "300000000") == 1, "the neighbour runs")
    victim.cancel()
    thread.join()
    assert results == [[(300000000,)]]
