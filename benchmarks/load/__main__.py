"""The load generator, a process of its own: `python -m benchmarks.load '{"host": …, "port": …, …}'`.

It sends for a number of seconds and prints one line of JSON, the fields of `Sent`.

- Closed loop (`rate` 0): each connection sends its next request when it has the answer to the last one. Tells the
  ceiling.
- Open loop (`rate` in requests a second): requests are due at constant distances, whatever the answers do, and a
  latency is counted from the moment the request was due. So a server that stands still is charged for all that it kept
  waiting (no coordinated omission).
"""

import asyncio
import json
import resource
import sys
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import cast

import httptools
import uvloop

from benchmarks.load import Order, Sent
from benchmarks.load.traffic import Traffic

DRAIN_SECONDS = 30.0


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way; `answered(connection, status)` ends it."""

    def __init__(self, answered: Callable[["Connection", int], None]) -> None:
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.WriteTransport | None = None
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        self._answered(self, status)

    def send(self, request: bytes, due: float) -> None:
        if self._transport is None:
            raise ConnectionError("the server closed a connection of the load generator")
        self.due = due
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


@dataclass
class Tally:
    """What came back; latencies in seconds, of the measured time only."""

    begins: float
    ends: float
    latencies: "array[float]"
    statuses: Counter[int]
    warm_statuses: Counter[int]

    def note(self, due: float, status: int) -> None:
        now = time.perf_counter()
        if self.begins <= due < self.ends:
            self.latencies.append(now - due)
            self.statuses[status] += 1
        else:
            self.warm_statuses[status] += 1


class Generator:
    """Drives connections until the tally's end."""

    def __init__(self, order: Order) -> None:
        self._order = order
        begins = time.perf_counter() + order.warm_seconds
        self.tally = Tally(begins, begins + order.seconds, array("d"), Counter(), Counter())
        self.traffic = Traffic(
            order.batch, order.seed, f"{order.host}:{order.port}", order.path, order.visitors
        )
        self._clock_ms = time.time() * 1000 - time.perf_counter() * 1000
        # In turn, so that none rests for so long that the server closes it.
        self._idle: deque[Connection] = deque()
        self._late: deque[float] = deque()
        self._under_way = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        answered = self._next_open if self._order.rate else self._next_closed
        connections: list[Connection] = []
        for _ in range(self._order.connections):
            _, made = await loop.create_connection(
                lambda: Connection(answered), self._order.host, self._order.port
            )
            connections.append(made)
        shift = time.perf_counter() + self._order.warm_seconds - self.tally.begins
        self.tally.begins += shift
        self.tally.ends += shift
        if self._order.rate:
            self._idle.extend(connections)
            await self._ticks()
        else:
            for connection in connections:
                self._send(connection, time.perf_counter())
        async with asyncio.timeout(self._order.warm_seconds + self._order.seconds + DRAIN_SECONDS):
            while self._under_way or time.perf_counter() < self.tally.ends:  # noqa: ASYNC110 - no event to wait for
                await asyncio.sleep(0.01)
        for connection in connections:
            connection.close()

    def _send(self, connection: Connection, due: float) -> None:
        self._under_way += 1
        connection.send(self.traffic.request(int(self._clock_ms + time.perf_counter() * 1000)), due)

    def _next_closed(self, connection: Connection, status: int) -> None:
        self._under_way -= 1
        self.tally.note(connection.due, status)
        now = time.perf_counter()
        if now < self.tally.ends:
            self._send(connection, now)

    def _next_open(self, connection: Connection, status: int) -> None:
        self._under_way -= 1
        self.tally.note(connection.due, status)
        if self._late:
            self._send(connection, self._late.popleft())
        else:
            self._idle.append(connection)

    async def _ticks(self) -> None:
        """Send what is due; where no connection is free, it waits and stays due since then."""
        begun, count = time.perf_counter(), 0
        end = self.tally.ends
        while (now := time.perf_counter()) < end:
            due_count = int((now - begun) * self._order.rate) + 1
            while count < due_count:
                due = begun + count / self._order.rate
                count += 1
                if self._idle:
                    self._send(self._idle.popleft(), due)
                else:
                    self._late.append(due)
            await asyncio.sleep(max(0.0, begun + count / self._order.rate - time.perf_counter()))


def _percentiles(latencies: "array[float]") -> dict[str, float]:
    ordered = sorted(latencies)
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {
        name: ordered[min(last, int(share * len(ordered)))] * 1000
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999))
    } | {"max": ordered[-1] * 1000}


def main(text: str) -> Sent:
    order = Order(**json.loads(text))
    generator = Generator(order)
    uvloop.run(generator.run())
    tally, used = generator.tally, resource.getrusage(resource.RUSAGE_SELF)
    return Sent(
        requests=len(tally.latencies),
        seconds=order.seconds,
        statuses={str(status): count for status, count in tally.statuses.items()},
        all_statuses={str(status): count for status, count in (tally.statuses + tally.warm_statuses).items()},
        fresh_events=generator.traffic.fresh,
        latency_ms=_percentiles(tally.latencies),
        cpu_seconds=used.ru_utime + used.ru_stime,
    )


if __name__ == "__main__":
    print(json.dumps(asdict(main(sys.argv[1]))))
