"""The load: clients that send events the way real ones do, and write down each receipt."""

import asyncio
import json
import random
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from devstack.ports import Address

NAMES = ("purchase", "add_to_cart", "signup_click", "video_play", "file_download")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
)
WEBSITES = 3
DOUBLED = 0.05
"""Share of the ids that are sent twice within 50 ms, from two addresses."""

AGAIN = 0.01
"""Share of the ids that are sent again after a midnight."""

_LARGEST_BATCH = 8
_ANSWER_S = 15.0
_LONGEST_PAUSE_S = 1.0


@dataclass(slots=True)
class Sent:
    """One event id: what it is, and what its clients were told. Times are monotonic seconds."""

    website: str
    name: str
    body: dict[str, Any]
    visitor: str | None
    first_sent: float | None = None
    accepted_at: float | None = None
    receipts: int = 0
    """How many receipts counted it as accepted."""
    refused: str = ""
    """The code of a final refusal, which none of these events should get."""


@dataclass(slots=True)
class Errand:
    """One request that is sent until each of its events has an answer."""

    events: list[str]
    address: str
    agent: str
    tries: int = 0


@dataclass
class Traffic:
    """`per_second` requests a second to the collectors, until `stop`; `sent` has every event by its id.

    `now_ms` is the clients' clock.
    """

    seed: int
    collectors: Callable[[], Sequence[Address]]
    per_second: float
    now_ms: Callable[[], int]
    sent: dict[str, Sent] = field(default_factory=dict)
    websites: list[str] = field(default_factory=list)
    requests: int = 0
    broken: int = 0
    refusals: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _stopped: bool = False

    def __post_init__(self) -> None:
        self._random = random.Random(f"traffic {self.seed}")
        run = f"{self.seed}-{uuid.uuid4().hex[:6]}"
        self.websites = [f"site-{run}-{number}" for number in range(WEBSITES)]

    async def run(self) -> None:
        """Send until `stop`, then wait until every event has its answer."""
        began, count = time.monotonic(), 0
        while not self._stopped:
            await asyncio.sleep(max(0.0, began + count / self.per_second - time.monotonic()))
            self._begin(self._errand())
            count += 1
        await self.answered()

    def stop(self) -> None:
        self._stopped = True

    async def answered(self) -> None:
        """Wait until every errand has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def again(self) -> int:
        """Send a share of the ids once more, from other addresses; how many."""
        ids = [event for event, sent in self.sent.items() if sent.accepted_at is not None]
        chosen = self._random.sample(ids, max(1, round(len(ids) * AGAIN)))
        for event in chosen:
            self._begin(Errand([event], self._address(), self._random.choice(AGENTS)))
        return len(chosen)

    @property
    def accepted(self) -> set[str]:
        return {event for event, sent in self.sent.items() if sent.accepted_at is not None}

    @property
    def receipts(self) -> int:
        return sum(sent.receipts for sent in self.sent.values())

    def _begin(self, errand: Errand, delay_s: float = 0.0) -> None:
        task = asyncio.create_task(self._carry(errand, delay_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _errand(self) -> Errand:
        size = 1 if self._random.random() < 0.6 else self._random.randint(2, _LARGEST_BATCH)
        website = self._random.choice(self.websites)
        errand = Errand(
            [self._event(website) for _ in range(size)], self._address(), self._random.choice(AGENTS)
        )
        twins = [event for event in errand.events if self._random.random() < DOUBLED]
        if twins:
            twin = Errand(twins, self._address(), self._random.choice(AGENTS))
            self._begin(twin, self._random.uniform(0, 0.05))
        return errand

    def _event(self, website: str) -> str:
        event_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        visitor = f"v{self._random.randrange(12)}" if self._random.random() < 0.5 else None
        body: dict[str, Any] = {
            "website_id": website,
            "event_type": "custom",
            "event_name": self._random.choice(NAMES),
            "event_id": event_id,
            "timestamp": self.now_ms(),
            "url": "https://shop.example/cart?utm_source=news",
            "event_data": {"id": event_id, "plan": self._random.choice(["pro", "free"])},
        }
        if visitor is not None:
            body["visitor_id"] = visitor
        self.sent[event_id] = Sent(website, body["event_name"], body, visitor)
        return event_id

    def _address(self) -> str:
        return f"198.51.100.{self._random.randrange(1, 250)}"

    async def _carry(self, errand: Errand, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        pause_s = 0.05
        while errand.events:
            left = await self._try(errand)
            if left and len(left) == len(errand.events):
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            errand.events = left

    async def _try(self, errand: Errand) -> list[str]:
        """Send once; the events that have no final answer."""
        errand.tries += 1
        self.requests += 1
        now = time.monotonic()
        for event in errand.events:
            sent = self.sent[event]
            sent.first_sent = sent.first_sent or now
        try:
            async with asyncio.timeout(_ANSWER_S):
                status, answer = await self._exchange(errand)
        except (OSError, EOFError, TimeoutError, ValueError):
            self.broken += 1
            return errand.events
        if status == 202:
            return self._receipt(errand, answer)
        if status in (408, 429, 500, 503):
            self.refusals += 1
            return errand.events
        self._refused(errand.events, f"{status} {answer}")
        return []

    def _receipt(self, errand: Errand, answer: dict[str, Any]) -> list[str]:
        for event in answer["event_ids"]:
            sent = self.sent[event]
            sent.receipts += 1
            sent.accepted_at = sent.accepted_at or time.monotonic()
        rejected: Iterable[dict[str, Any]] = answer.get("rejected", ())
        again = [errand.events[entry["index"]] for entry in rejected if entry.get("retry")]
        final = [errand.events[entry["index"]] for entry in rejected if not entry.get("retry")]
        self._refused(final, str(answer))
        return again

    def _refused(self, events: Iterable[str], why: str) -> None:
        for event in events:
            self.sent[event].refused = why

    async def _exchange(self, errand: Errand) -> tuple[int, dict[str, Any]]:
        """One request on a connection of its own, as a page's last beacon has it."""
        bodies = [self.sent[event].body for event in errand.events]
        content = json.dumps(bodies if len(bodies) > 1 else bodies[0]).encode()
        address = self._random.choice(self.collectors())
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            writer.write(_request(content, errand))
            head = await reader.readuntil(b"\r\n\r\n")
            _, _, size = head.lower().partition(b"content-length:")
            body = await reader.readexactly(int(size.split(b"\r\n", 1)[0]))
        finally:
            with suppress(OSError):
                writer.transport.abort()
        return int(head[9:12]), json.loads(body) if body else {}


def _request(content: bytes, errand: Errand) -> bytes:
    head = (
        "POST /api/collect HTTP/1.1\r\nHost: matrix\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nX-Forwarded-For: {errand.address}\r\n"
        f"User-Agent: {errand.agent}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + content
