import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from eventrail.errors import ClickHouseUnavailable
from query_api.turn import Turn, hang_up


@pytest.fixture
def pair() -> Iterator[tuple[Any, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield SimpleNamespace(connection=SimpleNamespace(socket=ours)), theirs


def test_giving_up_hangs_up_the_client_that_works(pair: tuple[Any, socket.socket]) -> None:
    client, theirs = pair
    turn = Turn()
    with turn.holding(client):
        turn.give_up()
        assert theirs.recv(1) == b""


def test_giving_up_afterwards_leaves_the_next_turn_alone(pair: tuple[Any, socket.socket]) -> None:
    client, theirs = pair
    turn = Turn()
    with turn.holding(client):
        pass
    turn.give_up()
    client.connection.socket.sendall(b"x")
    assert theirs.recv(1) == b"x"


def test_a_turn_given_up_before_it_began_does_not_begin(pair: tuple[Any, socket.socket]) -> None:
    turn = Turn()
    turn.give_up()
    with pytest.raises(ClickHouseUnavailable), turn.holding(pair[0]):
        pytest.fail("began")


def test_hanging_up_twice_or_before_a_connection_is_harmless(pair: tuple[Any, socket.socket]) -> None:
    client, _theirs = pair
    hang_up(client)
    hang_up(client)
    hang_up(SimpleNamespace(connection=SimpleNamespace(socket=None)))
