"""Bytes that nobody would send: mutations of good bodies and headers, packed and not.

Whatever comes, the answer is one of the table of refusals or a receipt, in JSON, within bounded time; and what the
receipt says is on the topic, no more and no less.
`EVENTRAIL_FUZZ_SECONDS` is how long the long form runs (600).
"""

import asyncio
import gzip
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from collector.app import Application, make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.refusals import KINDS
from collector.routes.documentation import Accepted, NotAccepted
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail import tokens
from eventrail.clock import ManualClock
from eventrail.contract.codec import check_raw, decode_raw
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.websites.watching import WebsitesFile

pytestmark = pytest.mark.slow

SEEDS: list[bytes] = [
    json.dumps(case["send"], ensure_ascii=random.Random(case["name"]).random() < 0.5).encode()
    if "send" in case
    else str(case["raw"]).encode("latin-1")
    for case in json.loads(Path(__file__).with_name("wire_cases.json").read_text(encoding="utf-8"))
    if "send" in case or "raw" in case
]
TOKENS = [
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"\\",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
    ),
    *(b"null", b"true", b"-0", b"1e999", b"1E-999", b"9" * 400, b"0.1", b"NaN", b"Infinity", b"-"),
    *(rb"\ud800", rb"\udc00", rb"\ud83d\ude00", rb"\u0000", rb"\u0022", rb"\\", rb"\"", rb"\u"),
    *(
        b'"event_data":{',
        b'"event_data":"{}"',
        b'"timestamp":',
        b'"sent_at":',
        b'"event_id":"',
        b'"type":"event"',
    ),
    *(b'{"a":' * 40, b"[" * 3000, b"{}," * 60, b'"\xf0\x9f\x98\x80"', b'{"":', b'"__proto__"'),
    b"8640000000000001",
    b"9f0c1c1e-52b5-4a9f-8a3c-0d8a3b1c2d3e",
]
TYPES = [
    b"application/json",
    b"text/plain;charset=UTF-8",
    b"a/b+json",
    b"",
    b"application/json; charset=x",
    b"x",
]
NAMES = [
    b"origin",
    b"authorization",
    b"x-forwarded-for",
    b"user-agent",
    b"dnt",
    b"sec-ch-ua",
    b"content-length",
]
SENDERS: list[list[tuple[bytes, bytes]]] = [
    [],
    [(b"origin", b"https://shop.example"), (b"x-forwarded-for", b"198.51.100.7, 203.0.113.9")],
    [(b"origin", b"https://elsewhere.example"), (b"dnt", b"1")],
    [(b"authorization", b"Bearer evk_shop"), (b"forwarded", b'for="[2001:db8::1]:1"')],
    [(b"authorization", b"Bearer evk_reader")],
    [
        (b"sec-gpc", b"1"),
        (b"sec-ch-ua-platform", b'"Linux"'),
        (b"x-forwarded-for", b",,unknown, ::1%eth0, 1.2.3"),
    ],
]


class Request(NamedTuple):
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Answer(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


MOST: Final = 200_000
"""Bytes of a body, before it is packed: mutations multiply."""

LEAST: Final = 8_000
"""Bodies after which every refusal was met many times."""


def requests(chance: random.Random) -> Iterator[Request]:
    while True:
        body = chance.choice(SEEDS)
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 8))):
            body = chance.choice(MUTATIONS)(body, chance)[:MOST]
        headers = [(b"content-type", chance.choice(TYPES if chance.random() < 0.2 else TYPES[:3]))]
        if chance.random() < 0.25:
            body = gzip.compress(body, chance.choice((0, 1, 9)), mtime=0)
            if chance.random() < 0.5:
                body = chance.choice(MUTATIONS)(body, chance)
            headers.append((b"content-encoding", b"gzip"))
        if chance.random() < 0.2:
            headers.append((chance.choice(NAMES), chance.randbytes(chance.randrange(40))))
        headers.extend(SENDERS[chance.randrange(len(SENDERS))])
        if chance.random() < 0.2:
            body = body.replace(b'"shop"', chance.choice((b'"blog"', b'"open-door"', b'"nowhere"')))
        yield Request(headers, body)


def structured(body: bytes, chance: random.Random) -> bytes:
    """Another value in the place of one that is there."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    member = chance.choice(value) if isinstance(value, list) and value else value
    if isinstance(member, dict) and member:
        name = chance.choice([*member, *FIELDS])
        member[name] = chance.choice(VALUES)
    try:
        return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode()
    except (UnicodeEncodeError, RecursionError):
        return body


FIELDS = [
    "event_data",
    "timestamp",
    "sent_at",
    "event_id",
    "visitor_id",
    "client_ip",
    "user_agent",
    "language",
]


def flipped(body: bytes, chance: random.Random) -> bytes:
    changed = bytearray(body or b"{")
    for _ in range(chance.choice((1, 1, 4))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def many_fields(_body: bytes, chance: random.Random) -> bytes:
    """As many fields as there is room for, perhaps with one twice."""
    numbers = list(range(chance.choice((100, 10_000)))) + [chance.randrange(100)] * chance.randrange(2)
    fields = b",".join(b'"%x":0' % number for number in numbers)
    return b'{"website_id":"shop","type":"event","event_name":"a",%s}' % fields


VALUES: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        1.5,
        2**63,
        10**30,
        "",
        " ",
        "x" * 3000,
        "\u2003",
        "é" * 200,
        [],
        {},
        [[]],
        {"a": {"b": []}},
    ),
    *("2026-02-02T00:00:00Z", "9f0c1c1e-52b5-4a9f-8a3c-0d8a3b1c2d3e", "019c1c34-1180-7abc-8def-0123456789ab"),
    *(
        "1x1",
        "pageview",
        "custom",
        '{"a":1}',
        '{"a":"' + "x" * 5000 + '"}',
        -8_640_000_000_000_000,
        1_770_000_000_000,
    ),
]

MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    structured,
    lambda body, chance: body[: chance.randrange(len(body) + 1)],
    lambda body, chance: _around(body, chance, chance.choice(TOKENS)),
    lambda body, chance: _around(body, chance, chance.randbytes(chance.randrange(1, 20))),
    lambda body, chance: _around(body, chance, _slice(body, chance), most=0),
    lambda body, chance: _around(body, chance, _slice(body, chance) * chance.choice((2, 30, 1000))),
    lambda body, chance: _around(body, chance, _slice(chance.choice(SEEDS), chance)),
    lambda body, chance: _around(body, chance, b"", most=30),
    flipped,
    many_fields,
    lambda body, chance: b"[" + b",".join([body] * chance.choice((1, 2, 50, 51))) + b"]",
]


def _slice(body: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(body) + 1)
    return body[begin : begin + chance.randrange(40)]


def _around(body: bytes, chance: random.Random, middle: bytes, most: int = 5) -> bytes:
    """`middle` at a place of `body`, where it replaces up to `most` bytes."""
    place = chance.randrange(len(body) + 1)
    return body[:place] + middle + body[place + chance.randint(0, most) :]


async def post(app: Application, request: Request) -> Answer:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/e",
        "raw_path": b"/e",
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": request.headers,
        "client": ("203.0.113.7", 40_000),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, body = sent
    return Answer(start["status"], dict(start["headers"]), body["body"])


class Fuzz:
    """One collector over one sink, and what was seen: with the websites of access.yaml, limits and trusted proxies."""

    def __init__(self) -> None:
        settings = CollectorSettings(
            rate_per_address=40,
            rate_per_address_burst=60,
            rate_per_website=40,
            rate_per_website_burst=60,
            trusted_proxies="203.0.113.0/24",
        )
        self.sink = MemorySink(partitions=3)
        self.clock = ManualClock(1_770_000_000_000)
        websites = WebsitesFile(Path(__file__).with_name("access.yaml"))
        intake = make_intake(b"s" * 32, {"k1": b"k" * 32}, settings, websites=websites)
        health = make_health(self.sink, lambda: None, websites)
        self.app = make_app(settings, intake, self.sink, health, Metrics(), self.clock)
        self.seen: Counter[str] = Counter()
        self.slowest = 0.0

    async def one(self, request: Request, failing: set[int]) -> None:
        self.clock.advance(0.002)
        self.sink.chunks.clear()
        self.sink.refuse = dict.fromkeys(failing, "Kafka is away")
        began = time.process_time()
        answer = await post(self.app, request)
        self.slowest = max(self.slowest, time.process_time() - began)
        self._check(answer, failing)
        await asyncio.sleep(0)  # lets the loop forget the cancelled timers of the body

    def _check(self, answer: Answer, failing: set[int]) -> None:
        stored = [
            event for chunks in self.sink.chunks.values() for chunk in chunks for event in decode_raw(chunk)
        ]
        told = json.loads(answer.body)
        assert answer.headers[b"content-type"] == b"application/json"
        if answer.status == 202:
            self.seen["accepted"] += 1
            self._check_receipt(Accepted.model_validate(told, strict=True), stored)
        else:
            refused = NotAccepted.model_validate(told, strict=True)
            kind = KINDS[refused.error.code]
            self.seen[kind.code] += 1
            assert kind.status == answer.status != 500
            assert kind.code != "unavailable" or failing
            assert stored == []

    def _check_receipt(self, receipt: Accepted, stored: list[RawEvent]) -> None:
        for event in stored:
            check_raw(event)
        assert Counter(event.event_id for event in stored) == Counter(receipt.event_ids)
        assert receipt.accepted == len(receipt.event_ids) > 0
        assert set(tokens.decode(receipt.token)) == set(self.sink.chunks)
        indexes = [entry.index for entry in receipt.rejected]
        assert indexes == sorted(set(indexes))


async def fuzz(seconds: float, seed: int) -> Fuzz:
    """Send for `seconds`, and at least LEAST bodies; fails with what was sent. `seed` makes it the same again."""
    chance = random.Random(seed)
    run = Fuzz()
    end = time.monotonic() + seconds
    for request in requests(chance):
        failing = {n for n in range(3) if chance.random() < 0.1}
        try:
            await run.one(request, failing)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {failing=}: {error!r} after {request!r:.4000}") from error
        if time.monotonic() > end and run.seen.total() >= LEAST:
            return run
    raise AssertionError


def assert_worth_it(run: Fuzz) -> None:
    """Every way through the code was taken, and no body was a heavy one."""
    told = {
        "accepted",
        "invalid_json",
        "invalid_encoding",
        "validation_error",
        "batch_too_large",
        "unavailable",
        "not_found",
        "invalid_key",
        "origin_not_allowed",
        "rate_limited",
    }
    assert told | {"body_too_large", "payload_too_large", "unsupported_media_type"} <= set(run.seen)
    assert run.slowest < 1, f"a body took {run.slowest:.2f} s"


async def test_no_bytes_give_a_500_or_a_wrong_receipt() -> None:
    run = await fuzz(8, random.SystemRandom().getrandbits(32))
    assert_worth_it(run)


@pytest.mark.long
@pytest.mark.timeout(0)
async def test_no_bytes_give_a_500_or_a_wrong_receipt_for_long(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = float(os.environ.get("EVENTRAIL_FUZZ_SECONDS", "600"))
    run = await fuzz(seconds, random.SystemRandom().getrandbits(32))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{run.seen.total():,} bodies in {seconds:g} s, the slowest {run.slowest * 1000:.0f} ms\n"
        )
        sys.stdout.writelines(f"{count:>12,} {code}\n" for code, count in run.seen.most_common())
    assert_worth_it(run)
