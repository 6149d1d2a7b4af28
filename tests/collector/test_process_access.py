"""The real process with a websites file: it is read at the start, again when it changes, and never half."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.collector.test_process import Collector, Start, nowhere, request, start

__all__ = ["start"]  # the fixture

pytestmark = pytest.mark.stack

LINE = "- {{id: {name}, name: N, domains: [{name}.example], allowed_origins: ['https://{name}.example']}}\n"


def websites(*names: str) -> str:
    return "websites:\n" + "".join(LINE.format(name=name) for name in names)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "websites.yaml"
    path.write_text(websites("one"))
    return path


def replace(file: Path, content: str) -> None:
    new = file.with_name("new.yaml")
    new.write_text(content)
    new.replace(file)


def begin(start: Start, file: Path) -> Collector:
    # Without a broker: an event that may be sent is answered 503, one that may not is refused before.
    return start(
        EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=nowhere(),
        EVENTRAIL_WEBSITES=str(file),
        EVENTRAIL_COLLECTOR_PUBLISH_TIMEOUT="0.2",
    )


async def post(collector: Collector, website_id: str, **headers: str) -> httpx.Response:
    event = {"website_id": website_id, "type": "event", "event_name": "a"}
    return await collector.http.post("/e", json=event, headers=headers)


async def until_status(collector: Collector, website_id: str, status: int) -> None:
    end = time.monotonic() + 30
    while (await post(collector, website_id)).status_code != status:
        assert time.monotonic() < end, collector.log()


async def test_the_file_is_read_and_read_again(start: Start, file: Path) -> None:
    collector = begin(start, file)
    await collector.until("/livez", bool)
    assert "1 listed" in collector.log()
    assert (await post(collector, "one")).status_code == 503
    assert (await post(collector, "two")).status_code == 404
    await asyncio.to_thread(replace, file, websites("two"))
    await until_status(collector, "two", 503)
    assert (await post(collector, "one")).status_code == 404
    assert await collector.stop() == 0


async def test_a_broken_version_is_told_and_not_taken(start: Start, file: Path) -> None:
    collector = begin(start, file)
    await collector.until("/readyz", lambda answer: answer["checks"]["websites"] == "ok")
    await asyncio.to_thread(replace, file, "websites:\n- {id: two}\n")
    told = await collector.until("/readyz", lambda answer: answer["checks"]["websites"] != "ok")
    assert "websites.yaml:2:3: websites[0].name: is required" in told["checks"]["websites"]
    assert told["ready"] is True
    assert "eventrail_websites_broken 1.0" in (await collector.http.get("/metrics")).text
    assert (await post(collector, "one")).status_code == 503
    assert collector.log().count("the new websites file is not in use") == 1
    await asyncio.to_thread(replace, file, websites("two"))
    await collector.until("/readyz", lambda answer: answer["checks"]["websites"] == "ok")
    assert "eventrail_websites_broken 0.0" in (await collector.http.get("/metrics")).text


@pytest.mark.parametrize("content", [None, "websites: 5\n"])
async def test_it_does_not_start_without_a_good_file(start: Start, file: Path, content: str | None) -> None:
    if content is None:
        await asyncio.to_thread(file.unlink)
    else:
        await asyncio.to_thread(file.write_text, content)
    collector = begin(start, file)
    assert await asyncio.to_thread(collector.process.wait, 30) == 2
    assert "EVENTRAIL_WEBSITES" in collector.log()
    assert str(file) in collector.log()


async def test_answers_of_the_server_itself_are_readable_across_origins(start: Start, file: Path) -> None:
    collector = begin(start, file)
    await collector.until("/livez", bool)
    head = b"POST /e HTTP/1.1\r\nhost: x\r\norigin: https://page.example\r\n"
    for data, status in (
        (head + b"x: " + b"y" * 40_000 + b"\r\n\r\n", b"431"),
        (head + b"content-length: nonsense\r\n\r\n", b"400"),
        (head + b"content-type: text/html\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi", b"415"),
    ):
        answer = await asyncio.to_thread(request, collector.address, data)
        assert answer.split()[1] == status
        assert b"\r\naccess-control-allow-origin: https://page.example\r\n" in answer
        assert b"\r\naccess-control-allow-credentials: true\r\n" in answer


async def test_a_page_of_another_origin_is_refused_and_can_read_why(start: Start, file: Path) -> None:
    collector = begin(start, file)
    await collector.until("/livez", bool)
    preflight = await collector.http.options(
        "/e", headers={"origin": "https://evil.example", "access-control-request-method": "POST"}
    )
    assert preflight.status_code == 204
    assert "transfer-encoding" not in preflight.headers
    answer = await post(collector, "one", origin="https://evil.example")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert answer.headers["access-control-allow-origin"] == "https://evil.example"
