"""The collector without a broker: its application over the in-memory sink."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio

from collector.app import Application, make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import ManualClock
from eventrail.contract.codec import decode_raw
from eventrail.contract.v1.raw_pb2 import RawEvent

NOW_MS = 1_770_000_000_000  # 2026-02-02T02:40:00Z
SECRET = b"s" * 32
KEYS = {"k1": b"k" * 32}


@pytest.fixture
def settings() -> CollectorSettings:
    return CollectorSettings()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink(partitions=3)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def app(settings: CollectorSettings, sink: MemorySink, metrics: Metrics, clock: ManualClock) -> Application:
    intake = make_intake(SECRET, KEYS, settings)
    return make_app(settings, intake, sink, make_health(sink, lambda: None), metrics, clock)


@pytest_asyncio.fixture
async def http(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("203.0.113.7", 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://collector") as client:
        yield client


@pytest.fixture
def published(sink: MemorySink) -> Callable[[], list[RawEvent]]:
    """What stands on the topic, by event id."""

    def read() -> list[RawEvent]:
        events = [event for chunks in sink.chunks.values() for chunk in chunks for event in decode_raw(chunk)]
        return sorted(events, key=lambda event: event.event_id)

    return read
