"""Keys and their limits over HTTP: headers, whole responses, clients that hang up."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from eventrail.clock import ManualClock
from eventrail.websites import ListedWebsites, OpenWebsites, RateLimit, ServerKey, Website, Websites, keys
from query_api.access import Door
from query_api.admission import Admission
from query_api.key_limits import KeyLimits
from query_api.metrics import Metrics

KEY, OTHER = (keys.make(bytes([number]) * keys.KEY_BYTES) for number in range(2))
HEADERS = {"Authorization": f"Bearer {KEY}"}
SHOP, BLOG = (
    Website(
        id=name,
        name=name,
        domains=(f"{name}.example",),
        server_keys=tuple(
            ServerKey(id=f"k{number}", hash=keys.hash_of(key), scopes=frozenset({"read"}))
            for number, key in enumerate((KEY, OTHER))
        ),
    )
    for name in ("shop", "blog")
)


class Stream:
    """An application that sends one part, and the rest when it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        self.begun.set()
        await self.go_on.wait()
        if self.error:
            raise self.error
        await send({"type": "http.response.body", "body": b"last"})


class Room:
    """An Admission around `app`, with what a test looks at."""

    def __init__(
        self,
        app: Any,
        websites: Websites | None = None,
        *,
        per_second: float = 1,
        burst: int = 3,
        concurrency: int = 2,
    ) -> None:
        self.clock = ManualClock()
        self.catalogue = Metrics(CollectorRegistry())
        limits = KeyLimits(RateLimit(per_second=per_second, burst=burst), concurrency)
        door = Door(websites or ListedWebsites([SHOP, BLOG]))
        self.app = Admission(app, door, limits, self.clock, self.catalogue.refused)

    async def ask(self, path: str = "/api/x", headers: dict[str, str] | None = None) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path, headers=HEADERS if headers is None else headers)

    def refused(self, code: str) -> float | None:
        return self.catalogue.registry.get_sample_value(
            "eventrail_query_api_refused_requests_total", {"code": code}
        )


async def plain(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_each_answer_tells_where_the_key_stands() -> None:
    answer = await Room(plain).ask()
    assert answer.status_code == 204
    assert answer.headers["ratelimit-policy"] == (
        '"requests";q=3;qu="requests";w=3, "concurrent";q=2;qu="concurrent-requests"'
    )
    assert answer.headers["ratelimit"] == '"requests";r=2;t=1, "concurrent";r=1'


async def test_a_key_that_asks_too_fast_is_told_when_to_come_back() -> None:
    room = Room(plain)
    for _ in range(3):
        assert (await room.ask()).status_code == 204
    answer = await room.ask()
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "rate_limited"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["ratelimit"] == '"requests";r=0;t=1, "concurrent";r=2'
    assert room.refused("rate_limited") == 1
    assert (await room.ask(headers={"Authorization": f"Bearer {OTHER}"})).status_code == 204
    room.clock.advance(1)
    assert (await room.ask()).status_code == 204


async def test_a_response_runs_until_its_last_byte() -> None:
    stream = Stream()
    room = Room(stream, concurrency=1)
    running = asyncio.create_task(room.ask())
    await asyncio.wait_for(stream.begun.wait(), 10)
    answer = await room.ask()
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "too_many_concurrent"
    assert answer.headers["retry-after"] == "1"
    assert room.refused("too_many_concurrent") == 1
    stream.go_on.set()
    assert (await running).content == b"firstlast"
    assert (await room.ask()).status_code == 200


async def test_a_response_that_fails_is_over() -> None:
    stream = Stream()
    room = Room(stream, concurrency=1)
    stream.go_on.set()
    stream.error = RuntimeError("broken")
    for _ in range(3):
        with pytest.raises(RuntimeError):
            await room.ask()
    room.clock.advance(60)
    stream.error = None
    assert (await room.ask()).status_code == 200


async def test_a_response_that_is_cancelled_is_over() -> None:
    stream = Stream()
    room = Room(stream, concurrency=1)
    running = asyncio.create_task(room.ask())
    await asyncio.wait_for(stream.begun.wait(), 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stream.go_on.set()
    assert (await room.ask()).status_code == 200


async def test_a_client_that_hangs_up_gives_its_place_back() -> None:
    async def until_gone(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    room = Room(until_gone, concurrency=1)
    scope = {"type": "http", "path": "/api/x", "method": "GET"}
    scope["headers"] = [(b"authorization", HEADERS["Authorization"].encode())]  # type: ignore[assignment]

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        raise AssertionError(f"nobody is there to read {message}")

    for _ in range(3):
        await asyncio.wait_for(room.app(scope, receive, send), 10)


async def test_without_a_key_nothing_is_asked_and_no_limit_is_told() -> None:
    async def unreachable(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("unreachable")

    room = Room(unreachable)
    answer = await room.ask(headers={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert "ratelimit" not in answer.headers
    assert room.refused("unauthorized") == 1


async def test_an_open_stack_has_no_limits() -> None:
    room = Room(plain, OpenWebsites(), burst=1, concurrency=1)
    for headers in (HEADERS, {}, HEADERS, {}):
        answer = await room.ask(headers=headers)
        assert answer.status_code == 204
        assert "ratelimit" not in answer.headers


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/docs", "/apiary"])
async def test_other_paths_need_no_key_and_take_no_token(path: str) -> None:
    room = Room(plain, burst=1)
    for headers in ({}, HEADERS, HEADERS):
        answer = await room.ask(path, headers)
        assert answer.status_code == 204
        assert "ratelimit" not in answer.headers
