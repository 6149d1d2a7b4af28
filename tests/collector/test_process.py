"""The real process: `python -m collector` as a child, over real sockets."""

import asyncio
import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer

from devstack.ports import free_addresses
from eventrail.contract import topics
from eventrail.contract.codec import decode_raw
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.kafka.admin import create_topics
from eventrail.sealing import AddressOpener
from eventrail.settings import KafkaSettings

SPEC = json.loads(Path(__file__).with_name("wire_cases.json").read_text(encoding="utf-8"))[:2]
EVENT = {"website_id": "shop", "type": "event", "event_name": "a"}
ADDRESS_KEY = b"k" * 32
SECRETS = {
    "EVENTRAIL_SALT_SECRET": base64.b64encode(b"s" * 32).decode(),
    "EVENTRAIL_ADDRESS_KEYS": f"k1:{base64.b64encode(ADDRESS_KEY).decode()}",
}


class Collector:
    """A child process and a client of it."""

    def __init__(self, log: Path, **environment: str) -> None:
        self.address = free_addresses(random.Random()).collector
        self._log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "collector"],
                env={**os.environ, **SECRETS, "EVENTRAIL_COLLECTOR_LISTEN": str(self.address), **environment},
                stderr=stderr,
            )
        self.http = httpx.AsyncClient(base_url=self.address.url, timeout=30)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    async def until(self, path: str, fits: Callable[[Any], bool]) -> Any:
        """Ask until the JSON answer fits; fails with the log after 30 s or when the process ends."""
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                answer = (await self.http.get(path)).json()
            except httpx.TransportError:
                answer = None
            if answer is not None and fits(answer):
                return answer
            await asyncio.sleep(0.05)
        raise AssertionError(self.log())

    async def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, 30)


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Collector]]:
    made: list[Collector] = []

    def starting(**environment: str) -> Collector:
        made.append(Collector(tmp_path / f"{len(made)}.log", **environment))
        return made[-1]

    yield starting
    for collector in made:
        await collector.http.aclose()
        collector.process.kill()
        collector.process.wait()


Start = Callable[..., Collector]


def nowhere() -> str:
    return str(free_addresses(random.Random()).kafka)


@pytest_asyncio.fixture
async def on_kafka(kafka: str, start: Start) -> Collector:
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), topics.ALL)
    collector = start(EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=kafka)
    await collector.until("/readyz", lambda answer: answer["checks"]["kafka"] == "ok")
    return collector


async def read_topic(kafka: str, ids: set[str]) -> dict[str, RawEvent]:
    """Reads the raw topic from its start until all `ids` were found; fails where one comes twice."""
    consumer = AIOKafkaConsumer(topics.RAW.name, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    found: dict[str, RawEvent] = {}
    try:
        async with asyncio.timeout(30):
            while len(found) < len(ids):
                for event in events_of(await consumer.getmany(timeout_ms=200)):
                    if event.event_id in ids:
                        assert event.event_id not in found
                        found[event.event_id] = event
    finally:
        await consumer.stop()
    return found


def events_of(fetched: dict[Any, list[Any]]) -> Iterator[RawEvent]:
    for records in fetched.values():
        for record in records:
            yield from decode_raw(record.value)


@pytest.mark.stack
async def test_the_examples_of_the_spec_reach_the_topic(kafka: str, on_kafka: Collector) -> None:
    for case in SPEC:
        answer = await on_kafka.http.post("/api/collect", json=case["send"])
        assert answer.status_code == 202
        ids = answer.json()["event_ids"]
        stored = await read_topic(kafka, set(ids))
        for event_id, expected in zip(ids, case["stored"], strict=True):
            event = stored[event_id]
            assert {name: getattr(event, name) for name in expected} == expected
            assert str(AddressOpener({"k1": ADDRESS_KEY}).open(event.client_address)) == "127.0.0.1"


@pytest.mark.stack
async def test_a_stop_under_load_answers_what_it_took_and_ends_with_0(
    kafka: str, on_kafka: Collector
) -> None:
    accepted: list[str] = []

    async def post() -> None:
        while True:
            try:
                answer = await on_kafka.http.post("/e", json=[EVENT] * 10)
            except httpx.TransportError:
                return
            assert answer.status_code == 202
            accepted.extend(answer.json()["event_ids"])

    posting = [asyncio.create_task(post()) for _ in range(8)]
    async with asyncio.timeout(30):
        while len(accepted) < 500:  # noqa: ASYNC110 - a plain value
            await asyncio.sleep(0.01)
        assert await on_kafka.stop() == 0
        await asyncio.gather(*posting)
    assert len(await read_topic(kafka, set(accepted))) == len(accepted)
    assert "stopped" in on_kafka.log()
    assert '"level": "error"' not in on_kafka.log()


@pytest.mark.stack
async def test_it_says_nothing_about_requests(on_kafka: Collector) -> None:
    before = on_kafka.log()
    for body in (b"{", json.dumps(EVENT).encode()):
        await on_kafka.http.post("/api/collect", content=body)
    assert (await on_kafka.http.get("/nope")).status_code == 404
    assert on_kafka.log() == before


@pytest.mark.stack
async def test_without_kafka_it_starts_is_ready_and_answers_503(start: Start) -> None:
    collector = start(EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=nowhere())
    ready = await collector.until("/readyz", lambda answer: "no answer" in answer["checks"]["kafka"])
    assert ready["ready"] is True
    began = time.monotonic()
    answer = await collector.http.post("/api/collect", json=EVENT)
    assert time.monotonic() - began < 2
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert len(answer.json()["event_ids"]) == 1
    assert "127.0.0.1" not in answer.text
    assert "eventrail_collector_kafka_up 0.0" in (await collector.http.get("/metrics")).text
    assert (await collector.http.get("/livez")).status_code == 200
    assert (await collector.http.post("/api/collect", json=[])).status_code == 400
    assert await collector.stop() == 0


def request(address: Any, data: bytes) -> bytes:
    """Sends `data` and reads until the server closes."""
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(data)
        pieces = iter(lambda: connection.recv(65_536), b"")
        return b"".join(pieces)


@pytest.mark.stack
async def test_bytes_that_are_no_request_are_refused_in_json(start: Start) -> None:
    collector = start(EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=nowhere(), EVENTRAIL_COLLECTOR_HEADER_BYTES="4096")
    await collector.until("/livez", bool)
    for data, status, code in (
        (b"hello\r\n\r\n", b"400", "bad_request"),
        (b"GET /livez HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 5000 + b"\r\n\r\n", b"431", "headers_too_large"),
        (b"GET /" + b"y" * 5000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", b"431", "headers_too_large"),
        (b"GET /livez HTTP/1.1\r\n" + b"a: b\r\n" * 900, b"431", "headers_too_large"),
        (b"GET /livez HTTP/1.1\r\nhost: x\r\nendless: " + b"y" * 9000, b"431", "headers_too_large"),
    ):
        answer = await asyncio.to_thread(request, collector.address, data)
        head, body = answer.split(b"\r\n\r\n", 1)
        assert head.split()[1] == status
        assert json.loads(body)["error"]["code"] == code
    assert (await collector.http.get("/livez")).status_code == 200


@pytest.mark.stack
async def test_many_requests_on_one_connection_are_no_large_header(start: Start) -> None:
    collector = start(EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=nowhere(), EVENTRAIL_COLLECTOR_HEADER_BYTES="1024")
    await collector.until("/livez", bool)
    for _ in range(30):
        answer = await collector.http.post("/api/collect", content=b"[" + b" " * 3000 + b"]")
        assert answer.status_code == 400
    pipelined = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n" * 60 + b"GET /livez HTTP/1.0\r\n\r\n"
    answers = await asyncio.to_thread(request, collector.address, pipelined)
    assert answers.count(b"HTTP/1.1 200") == 61


@pytest.mark.stack
async def test_a_body_that_never_comes_is_a_408(start: Start) -> None:
    collector = start(EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=nowhere(), EVENTRAIL_COLLECTOR_BODY_TIMEOUT="0.2")
    await collector.until("/livez", bool)
    data = b"POST /e HTTP/1.0\r\nhost: x\r\ncontent-length: 10\r\n\r\n{"
    answer = await asyncio.to_thread(request, collector.address, data)
    assert b" 408 " in answer.split(b"\r\n")[0]


@pytest.fixture
def taken_port() -> Iterator[str]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.stack
async def test_a_taken_port_is_named(start: Start, taken_port: str) -> None:
    collector = start(EVENTRAIL_COLLECTOR_LISTEN=taken_port)
    assert await asyncio.to_thread(collector.process.wait, 30) == 1
    assert f"cannot listen at {taken_port}" in collector.log()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVENTRAIL_SALT_SECRET", "AAAA"),
        ("EVENTRAIL_SALT_SECRET", ""),
        ("EVENTRAIL_ADDRESS_KEYS", "k1:AAAA"),
        ("EVENTRAIL_COLLECTOR_LISTEN", "8400"),
        ("EVENTRAIL_COLLECTOR_PUBLISH_TIMEOUT", "0"),
        ("EVENTRAIL_LOG_LEVEL", "LOUD"),
    ],
)
@pytest.mark.stack
async def test_a_wrong_setting_is_named_and_ends_with_2(start: Start, name: str, value: str) -> None:
    collector = start(**{name: value})
    assert await asyncio.to_thread(collector.process.wait, 30) == 2
    assert name in collector.log()
    assert "Traceback" not in collector.log()
