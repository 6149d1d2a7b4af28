"""A client that takes nothing, and one that hangs up, end their stream."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx

from query_api.live.response import EventStream
from query_api.question.live import FIELDS

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}}


class Case:
    """A stream without end and what became of it."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.left = 0
        self.hung_up = asyncio.Event()
        self.sent: list[Any] = []

    async def messages(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b": x\n\n"
                await asyncio.sleep(0)
        finally:
            self.ended.set()

    def leave(self) -> None:
        self.left += 1

    async def receive(self) -> Any:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def run(self, send: Any, stall_seconds: float) -> None:
        response = EventStream(self.messages(), self.leave, stall_seconds)
        async with asyncio.timeout(5):
            await response(SCOPE, self.receive, send)


async def test_one_that_takes_nothing() -> None:
    case = Case()

    async def stuck(message: Any) -> None:
        case.sent.append(message)
        if len(case.sent) > 3:
            await asyncio.Event().wait()

    await case.run(stuck, 0.05)
    assert case.ended.is_set()
    assert case.left == 1
    assert len(case.sent) == 4


async def test_one_that_hangs_up() -> None:
    case = Case()

    async def send(message: Any) -> None:
        case.sent.append(message)
        if len(case.sent) == 3:
            case.hung_up.set()

    await case.run(send, 60)
    assert case.ended.is_set()
    assert case.left == 1
    headers = dict(case.sent[0]["headers"])
    assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert headers[b"x-accel-buffering"] == b"no"


async def test_the_document_of_the_api_tells_of_the_stream(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    endpoint = answer.json()["paths"]["/api/websites/{website_id}/live"]["get"]
    assert "text/event-stream" in endpoint["responses"]["200"]["content"]
    names = {item["name"]: item["required"] for item in endpoint["parameters"]}
    assert names == dict.fromkeys(["last-event-id", *FIELDS, "filters"], False) | {"website_id": True}


async def test_without_kafka_there_are_no_streams(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/websites/w/live")
    assert answer.status_code == 503
    assert "without Kafka" in answer.json()["error"]["message"]


async def test_a_place_is_given_back_when_not_even_the_head_can_be_sent() -> None:
    case = Case()

    async def broken(_message: Any) -> None:
        raise OSError("gone")

    failed = False
    try:
        await case.run(broken, 60)
    except* OSError:
        failed = True
    assert failed
    assert case.left == 1
