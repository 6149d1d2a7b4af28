"""What a hostile or broken client can do to the front door, against the real process."""

import asyncio
import json
import socket
import struct
import time
from pathlib import Path

import pytest

from tests.faults.collector.child import EVENT, Child, collector
from tests.faults.collector.conftest import BODY_TIMEOUT, HEAD_TIMEOUT, KEEP_ALIVE
from tests.faults.collector.wire import Answer, get, post, talk

pytestmark = pytest.mark.stack

GOOD = json.dumps(EVENT).encode()
TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + b"\x5a" * 197
CHUNKED = b"POST /e HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"


def chunks(*pieces: bytes) -> bytes:
    return CHUNKED + b"\r\n" + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


async def until(child: Child, name: str, most: float = 0) -> None:
    """Wait until the metric is not above `most`."""
    async with asyncio.timeout(20):
        while await child.metric(f"eventrail_collector_{name}") > most:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def until_calm(child: Child) -> None:
    """No request and no event is left over, and the bytes of requests are given back."""
    for name in ("requests_in_flight", "queue_events", "queue_bytes"):
        await until(child, name)
    # The question itself is a request that waits for its answer.
    await until(child, "received_bytes", 5000)


def told(answers: list[Answer]) -> list[tuple[int, str | None]]:
    return [(answer.status, answer.code) for answer in answers]


BAD_REQUEST = [(400, "bad_request")]

BROKEN = {
    "garbage": b"\x00\xff\x13 what is this\r\n\r\n",
    "a TLS client": TLS_HELLO,
    "unknown version": get(version=b"9.9"),
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT": b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "length and chunks": CHUNKED + b"content-length: 4\r\n\r\n0\r\n\r\n",
    "chunks and length": post(b"0\r\n\r\n", b"transfer-encoding: chunked", length=4),
    "two lengths": post(GOOD, b"content-length: 5"),
    "a length with a sign": b"POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: +5\r\n\r\n12345",
    "a negative length": b"POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n12345",
    "a length beyond 64 bits": b"POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n1",
    "chunked is not last": b"POST /e HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"POST /e HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "a chunk size that is none": CHUNKED + b"\r\nxyz\r\n",
    "a chunk size beyond 64 bits": CHUNKED + b"\r\nfffffffffffffffffff\r\n",
    "a chunk longer than it says": CHUNKED + b"\r\n2\r\n{}{}\r\n0\r\n\r\n",
    "a bare CR in a header": b"GET /livez HTTP/1.1\r\nhost: x\rx: y\r\n\r\n",
    "a NUL in a header": b"GET /livez HTTP/1.1\r\nhost: \x00\r\n\r\n",
    "a header without a name": b"GET /livez HTTP/1.1\r\n: x\r\n\r\n",
    "a folded header": b"GET /livez HTTP/1.1\r\nhost: x\r\n  y\r\n\r\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_no_request_is_refused_once_and_the_connection_closed(
    quick: Child, data: bytes
) -> None:
    # What follows must not be taken as a request: that would be smuggling.
    assert told(await talk(quick.address, data + get(b"/smuggled"))) == BAD_REQUEST
    await until_calm(quick)


LARGE = {
    "a long header": get(b"/livez", b"x: " + b"y" * 40_000),
    "a long header without an end": get(b"/livez", b"x: " + b"y" * 40_000).strip(),
    "a long request line": get(b"/" + b"y" * 40_000),
    "a megabyte of request line": get(b"/" + b"y" * 1_000_000),
    "many headers": get(b"/livez", *[b"a: b"] * 101),
    "many headers without an end": get(b"/livez", *[b"a: b"] * 9000).strip(),
}


@pytest.mark.parametrize("data", LARGE.values(), ids=LARGE.keys())
async def test_large_heads_are_a_431(quick: Child, data: bytes) -> None:
    assert told(await talk(quick.address, data)) == [(431, "headers_too_large")]


async def test_a_page_may_read_why_it_was_refused(quick: Child) -> None:
    for data in (
        get(b"/e", b"origin: https://shop.example", b"x: " + b"y" * 40_000),
        post(b"", b"origin: https://shop.example", length=9),
    ):
        (answer,) = await talk(quick.address, data)
        assert answer.status in (431, 408)
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"


async def test_a_refusal_waits_for_the_answers_before_it(quick: Child) -> None:
    answers = await talk(quick.address, post(GOOD) + get() + get(b"/nope") + b"\x00\x00")
    assert told(answers) == [(202, None), (200, None), (404, "not_found"), (400, "bad_request")]


async def test_a_broken_body_is_refused_in_its_turn(quick: Child) -> None:
    answers = await talk(quick.address, post(GOOD) + CHUNKED + b"\r\nxyz\r\n")
    assert told(answers) == [(202, None), (400, "bad_request")]
    await until_calm(quick)


async def test_pipelined_requests_are_answered_in_order(quick: Child) -> None:
    paths = [b"/livez", b"/a", b"/readyz", b"/b"] * 20
    data = b"".join(get(path) for path in paths) + get(b"/livez", b"connection: close")
    answers = await talk(quick.address, data)
    assert [answer.status for answer in answers] == [200, 404, 200, 404] * 20 + [200]


async def test_an_endless_pipeline_is_ended(quick: Child) -> None:
    answers = await talk(quick.address, get() * 5000)
    assert {status for status, _ in told(answers[:-1])} == {200}
    assert told(answers[-1:]) == [(503, "unavailable")]
    assert answers[-1].headers["retry-after"] == "1"


async def test_a_body_that_is_too_long_gets_its_answer_and_no_reset(quick: Child) -> None:
    answers = await talk(quick.address, post(b" " * 3_000_000))
    assert told(answers) == [(413, "body_too_large")]
    assert answers[0].headers["connection"] == "close"
    answers = await talk(quick.address, chunks(*[b" " * 10_000] * 30))
    assert told(answers) == [(413, "body_too_large")]


async def test_chunked_bodies_and_expect_continue_work(quick: Child) -> None:
    last = get(b"/livez", b"connection: close")
    assert told(await talk(quick.address, chunks(GOOD[:9], GOOD[9:], b"") + last)) == [
        (202, None),
        (200, None),
    ]
    head, body = post(GOOD, b"expect: 100-continue").split(b"\r\n\r\n")
    answers = await talk(quick.address, head + b"\r\n\r\n", body + last, every=0.2)
    assert [answer.status for answer in answers] == [100, 202, 200]
    # Refused before the body is asked for.
    answers = await talk(quick.address, post(b"", b"expect: 100-continue", length=200_000))
    assert told(answers) == [(413, "body_too_large")]


async def test_http_1_0_is_answered_and_closed(quick: Child) -> None:
    data = b"POST /e HTTP/1.0\r\ncontent-length: %d\r\n\r\n%b" % (len(GOOD), GOOD)
    assert told(await talk(quick.address, data)) == [(202, None)]


async def test_an_offer_to_upgrade_is_overlooked(quick: Child) -> None:
    offer = (b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c", b"http2-settings: AAMAAABk")
    head, body = post(GOOD, *offer).split(b"\r\n\r\n")
    last = get(b"/livez", b"connection: Upgrade, close", b"upgrade: h2c")
    for pieces in (
        (head + b"\r\n\r\n" + body + last,),
        (head + b"\r\n\r\n", body, last),
        (head, b"\r\n\r\n" + body, last),
    ):
        answers = await talk(quick.address, *pieces, every=0.1)
        assert told(answers) == [(202, None), (200, None)]
    offered = chunks(GOOD, b"").replace(b"host: x", b"\r\n".join((b"host: x", *offer)))
    assert told(await talk(quick.address, offered, half_close=True)) == [(202, None)]


async def test_a_client_that_closed_its_side_gets_its_answers(quick: Child) -> None:
    assert told(await talk(quick.address, post(GOOD) + get(), half_close=True)) == [(202, None), (200, None)]
    for incomplete in (post(GOOD, length=len(GOOD) + 1), b"POST /e HTTP/1.1\r\nho"):
        assert told(await talk(quick.address, incomplete, half_close=True)) == BAD_REQUEST
    assert await talk(quick.address, half_close=True) == []
    await until_calm(quick)


async def lasted(
    child: Child, *pieces: bytes, every: float = 0.0
) -> tuple[float, list[tuple[int, str | None]]]:
    began = time.monotonic()
    answers = await talk(child.address, *pieces, every=every)
    return time.monotonic() - began, told(answers)


TIMEOUT = [(408, "request_timeout")]
SLOW = {
    "a head that dribbles": ([b"GET / HTTP/1.1\r\n", *[b"a: b\r\n"] * 99], HEAD_TIMEOUT, TIMEOUT),
    "a head that stops": ([b"G"], HEAD_TIMEOUT, TIMEOUT),
    "empty lines": ([b"\r\n"] * 99, HEAD_TIMEOUT, TIMEOUT),
    "a second head that dribbles": (
        [get() + b"GET / HTTP/1.1\r\n", *[b"a: b\r\n"] * 99],
        HEAD_TIMEOUT,
        [(200, None), *TIMEOUT],
    ),
    "a body that dribbles": ([post(b"", length=999), *[b" "] * 99], BODY_TIMEOUT, TIMEOUT),
    "a chunked body that dribbles": ([CHUNKED + b"\r\n", *[b"1\r\n \r\n"] * 99], BODY_TIMEOUT, TIMEOUT),
    "a body that nobody reads": (
        [post(b"", path=b"/nope", length=999), *[b" "] * 99],
        0.0,
        [(404, "not_found")],
    ),
    "nothing at all": ([], KEEP_ALIVE, []),
    "nothing more": ([get()], KEEP_ALIVE, [(200, None)]),
}


@pytest.mark.parametrize(("pieces", "seconds", "expected"), SLOW.values(), ids=SLOW.keys())
async def test_slow_clients_are_ended_at_the_stated_time(
    quick: Child, pieces: list[bytes], seconds: float, expected: list[tuple[int, str | None]]
) -> None:
    took, answers = await lasted(quick, *pieces, every=0.1)
    assert answers == expected
    assert seconds <= took < seconds + 1.5
    await until_calm(quick)


async def test_a_client_that_takes_no_answers_is_cut_off(broker: str, tmp_path: Path) -> None:
    async with collector(broker, tmp_path / "collector.log", keep_alive=1) as child:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, (child.address.host, child.address.port))
            with pytest.raises(ConnectionError):  # noqa: PT012
                async with asyncio.timeout(60):
                    while True:
                        await loop.sock_sendall(client, get(b"/openapi.json") * 50)
                        await asyncio.sleep(0.05)
        assert (
            await child.metric('eventrail_collector_connections_closed_total{reason="takes_no_answers"}') == 1
        )
        await until_calm(child)


async def test_a_reset_while_events_are_published_leaves_nothing_behind(broker: str, tmp_path: Path) -> None:
    async with collector(broker, tmp_path / "collector.log", linger_ms=1000) as child:
        before = await child.metric("eventrail_collector_events_accepted_total")
        for _ in range(50):
            client = socket.create_connection((child.address.host, child.address.port))
            client.sendall(post(GOOD))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        await until_calm(child)
        # A reset may overtake the request, so not each of them was read; those that were are accepted.
        assert 0 <= await child.metric("eventrail_collector_events_accepted_total") - before <= 50
        assert (await child.http.post("/e", json=EVENT)).status_code == 202
        assert '"level": "error"' not in child.log()


async def test_attacks_are_no_news(quick: Child) -> None:
    assert [line for line in quick.log().splitlines() if '"info"' not in line] == []
