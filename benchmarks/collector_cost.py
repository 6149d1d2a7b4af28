"""`python -m benchmarks.collector_cost [--rounds 4]`: CPU of the collector for one request, without sockets.

Requests go into the protocol as bytes and come out as bytes; the sink is the one in memory. In turns with it: a bare
ASGI app that reads the body and answers 202, on uvicorn's own protocol. What the kernel and the loop cost is not in it.
Times are thread CPU of 32 requests of 32 connections: the tenth part of them that was least disturbed, and the median.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from collector.app import make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.protocol import factory
from collector.server import make_admission
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import SystemClock

CONNECTIONS: Final = 32
SIZES: Final = (1, 10, 50)
_NAMES: Final = ("product_viewed", "add_to_cart", "purchase", "signup_click", "video_play", "file_download")
_AGENT: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{}.0.{}.{} Safari/537.36"


def event(source: random.Random, website: str, now_ms: int) -> dict[str, Any]:
    """An event as a tracker sends it: half of them with their properties as a string, as in the spec."""
    product = source.randrange(5000)
    data = {"product": {"id": product, "name": f"Widget {product}"}, "price": 49.99, "in_stock": True}
    return {
        "website_id": website,
        "event_type": "custom",
        "event_name": source.choice(_NAMES),
        "url": f"https://shop-{website}.example/products/widget-{product}?page=2",
        "referrer": "https://www.example.org/",
        "language": "en-US",
        "screen": "1920x1080",
        "event_data": data if source.random() < 0.5 else json.dumps(data),
        "event_id": f"{source.getrandbits(32):08x}-52b5-4a9f-8a3c-{source.getrandbits(48):012x}",
        "timestamp": now_ms - source.randrange(2000),
        "sent_at": now_ms,
    }


def request(source: random.Random, size: int) -> bytes:
    """A request with the headers of a browser, behind a proxy."""
    website = f"site-{int(200 * source.random() ** 2)}"
    events = [event(source, website, time.time_ns() // 1_000_000) for _ in range(size)]
    body = json.dumps(events if size > 1 else events[0], separators=(",", ":")).encode()
    agent = source.randrange(2000)
    headers = {
        "Host": "collect.example.com",
        "Connection": "keep-alive",
        "Content-Length": len(body),
        "sec-ch-ua-platform": '"Windows"',
        "User-Agent": _AGENT.format(90 + agent % 48, agent, agent % 7),
        "sec-ch-ua": '"Google Chrome";v="129", "Not=A?Brand";v="8", "Chromium";v="129"',
        "Content-Type": "application/json",
        "sec-ch-ua-mobile": "?0",
        "Accept": "*/*",
        "Origin": f"https://shop-{website}.example",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Dest": "empty",
        "Referer": f"https://shop-{website}.example/",
        "Accept-Encoding": "gzip, deflate, br",
        "Accept-Language": "en-US,en;q=0.9",
        "X-Forwarded-For": f"198.18.{source.randrange(100)}.{source.randrange(200)}",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /api/collect HTTP/1.1\r\n{head}\r\n".encode() + body


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 8400)})
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def bare(_scope: Any, receive: Any, send: Any) -> None:
    """The least that an ASGI app can do."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


Pair = tuple[Any, Wire]


def connected(app: Any, protocol: Callable[..., Any]) -> list[Pair]:
    """Connections to `app`."""
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    state, pairs = ServerState(), []
    for _ in range(CONNECTIONS):
        made, wire = protocol(config=config, server_state=state, app_state={}), Wire()
        made.connection_made(wire)
        pairs.append((made, wire))
    return pairs


def collector() -> list[Pair]:
    """Connections to a collector with the sink in memory."""
    settings, metrics = CollectorSettings(trusted_proxies="127.0.0.1"), Metrics()
    sink = MemorySink(partitions=8, keep=1)
    intake = make_intake(b"s" * 32, {"k1": b"k" * 32}, settings)
    app = make_app(settings, intake, sink, make_health(sink, lambda: None), metrics, SystemClock())
    return connected(app, factory(make_admission(settings, metrics), settings, app.hot))


async def costs(pairs: Sequence[Pair], requests: Sequence[bytes]) -> list[float]:
    """CPU seconds of one request, for each round of all connections."""
    found = []
    for at in range(0, len(requests) - CONNECTIONS + 1, CONNECTIONS):
        began = time.thread_time()
        for (protocol, _), sent in zip(pairs, requests[at : at + CONNECTIONS], strict=True):
            protocol.data_received(sent)
        while not all(wire.written and wire.written[-1].endswith(b"}") for _, wire in pairs):  # noqa: ASYNC110
            await asyncio.sleep(0)
        found.append((time.thread_time() - began) / CONNECTIONS)
        for _, wire in pairs:
            assert wire.written[0].startswith(b"HTTP/1.1 202 "), wire.written
            wire.written.clear()
    return found


async def measure(requests: int, rounds: int) -> None:
    """Print a line for each size."""
    subjects = {"bare app": connected(bare, HttpToolsProtocol), "collector": collector()}
    for size in SIZES:
        source = random.Random(size)  # noqa: S311 - the same each time
        sent = [request(source, size) for _ in range(max(CONNECTIONS * 4, requests // size))]
        found: dict[str, list[float]] = {name: [] for name in subjects}
        for _ in range(rounds):
            for name, pairs in subjects.items():
                found[name].extend(await costs(pairs, sent))
        for name, each in found.items():
            each.sort()
            quiet, middle = each[len(each) // 10] * 1e6, each[len(each) // 2] * 1e6
            print(
                f"{name:10} size {size:2}: {quiet:7.1f} µs a request ({middle:.1f} median), "
                f"{quiet / size:6.2f} µs an event"
            )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--requests", type=int, default=4000, help="single requests; fewer of the larger ones"
    )
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    uvloop.run(measure(given.requests, given.rounds))


if __name__ == "__main__":
    main()
