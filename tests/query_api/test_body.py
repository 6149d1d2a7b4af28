from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.requests import Request

from query_api.body import MAX_BYTES, is_announced, read
from query_api.errors import ClientGone, TooLarge


def request(*messages: MutableMapping[str, Any], headers: dict[str, str] | None = None) -> Request:
    waiting = list(messages)

    async def receive() -> MutableMapping[str, Any]:
        return waiting.pop(0)

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def part(size: int, *, more: bool) -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


async def test_all_parts() -> None:
    assert await read(request(part(2, more=True), part(1, more=False))) == b"xxx"
    assert len(await read(request(part(MAX_BYTES, more=False)))) == MAX_BYTES


async def test_no_more_is_read_than_the_limit() -> None:
    with pytest.raises(TooLarge, match="the body is larger than 102,400 bytes"):
        await read(request(part(MAX_BYTES, more=True), part(1, more=True)))


async def test_a_client_that_goes_away_in_the_middle() -> None:
    with pytest.raises(ClientGone):
        await read(request(part(2, more=True), {"type": "http.disconnect"}))


@pytest.mark.parametrize(
    ("headers", "announced"),
    [({}, False), ({"content-length": "0"}, False), ({"content-length": "2"}, True),
     ({"transfer-encoding": "chunked"}, True)],
)  # fmt: skip
def test_whether_there_is_one(headers: dict[str, str], announced: bool) -> None:
    assert is_announced(request(headers=headers)) is announced
