import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from collector.limits import (
    BODY_MAX_BYTES,
    PACKED_MAX_BYTES,
    ClientGone,
    check_declared,
    check_media_type,
    is_packed,
    read_body,
    user_agent,
)
from collector.refusals import Refused


class Pieces:
    """A client that sends these pieces; `read` counts how many of them were asked for."""

    def __init__(self, pieces: list[bytes], ends: bool = True) -> None:
        self._pieces: Iterator[tuple[int, bytes]] = iter(enumerate(pieces, start=1))
        self._count = len(pieces)
        self._ends = ends
        self.read = 0

    async def __call__(self) -> dict[str, Any]:
        self.read += 1
        number, piece = next(self._pieces, (self._count + 1, b""))
        if number > self._count and not self._ends:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": number < self._count or not self._ends}


async def test_a_body_in_pieces_is_put_together() -> None:
    assert await read_body(Pieces([b"a", b"", b"bc"]), 1) == b"abc"


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    assert len(await read_body(Pieces([b"x" * 100_000, b"x" * 2_400]), 1)) == BODY_MAX_BYTES


async def test_an_endless_body_is_refused_without_reading_on() -> None:
    client = Pieces([b"x" * 1024] * 1000)
    with pytest.raises(Refused, match="longer than 102,400 bytes") as caught:
        await read_body(client, 1)
    assert caught.value.kind.status == 413
    assert client.read == 101


async def test_a_client_that_leaves_gets_no_answer() -> None:
    with pytest.raises(ClientGone):
        await read_body(Pieces([b"{"], ends=False), 1)


async def test_a_body_that_never_comes_is_given_up() -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Refused) as caught:
        await read_body(never, 0.01)
    assert caught.value.kind.status == 408


@pytest.mark.parametrize("length", [b"102401", b"9" * 30])
def test_a_declared_length_is_enough_to_refuse(length: bytes) -> None:
    with pytest.raises(Refused):
        check_declared(length)


@pytest.mark.parametrize("length", [b"", b"0", b"102400", b"abc"])
def test_other_lengths_are_left_to_the_reading(length: bytes) -> None:
    check_declared(length)


async def test_a_compressed_body_may_be_a_little_longer_as_it_is_sent() -> None:
    assert is_packed(b"gzip")
    assert is_packed(b"X-GZIP")
    assert not is_packed(b"")
    check_declared(b"103424", PACKED_MAX_BYTES)
    assert len(await read_body(Pieces([b"x" * 103_424]), 1, PACKED_MAX_BYTES)) == PACKED_MAX_BYTES
    with pytest.raises(Refused):
        await read_body(Pieces([b"x" * 103_425]), 1, PACKED_MAX_BYTES)


@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"application/json",
        b"Application/JSON; charset=utf-8",
        b"text/plain;charset=UTF-8",
        b'text/plain; charset="utf8"',
        b"application/json; charset=US-ASCII; x=y",
        b"application/json;",
        b"application/vnd.a+json",
    ],
)
def test_json_and_beacons_are_taken(kind: bytes) -> None:
    check_media_type(kind, b"")
    check_media_type(kind, b"identity")
    check_media_type(kind, b" X-Gzip ")


@pytest.mark.parametrize(
    ("kind", "encoding", "named"),
    [
        (b"application/x-www-form-urlencoded", b"", "x-www-form-urlencoded"),
        (b"application/jsonp", b"", "jsonp"),
        (b"application/json", b"br", "br"),
        (b"application/json", b"deflate", "gzip"),
        (b"application/json", b"gzip, gzip", "gzip, gzip"),
        (b"application/json; charset=iso-8859-1", b"", "iso-8859-1"),
        (b'text/plain; a=b;CHARSET="UTF-16"', b"", "utf-16"),
        (b"\xff", b"", "application/json"),
    ],
)
def test_other_media_types_are_refused_by_name(kind: bytes, encoding: bytes, named: str) -> None:
    with pytest.raises(Refused, match=named) as caught:
        check_media_type(kind, encoding)
    assert caught.value.kind.status == 415


def test_an_agent_is_text_whatever_its_bytes_are() -> None:
    assert user_agent([]) == ""
    assert user_agent(["Bröwser".encode(), b"second"]) == "Bröwser"
    assert user_agent([b"Br\xf6wser"]) == "Bröwser"
    assert len(user_agent([b"x" * 5000])) == 1024
