"""A request that is traced hands its context on with each event; the others hand on nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
import pytest

from collector.app import make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import ManualClock
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.collector.conftest import KEYS, SECRET

CONTEXT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Recorded:
    """Traces that choose every second request."""

    clients: list[bytes] = field(default_factory=list)
    ends: list[Mapping[str, str | int]] = field(default_factory=list)
    asked: int = 0
    traceparent: str = CONTEXT

    def is_chosen(self) -> bool:
        self.asked += 1
        return self.asked % 2 == 1

    def begin(self, _name: str, client: bytes) -> "Recorded":
        self.clients.append(client)
        return self

    def end(self, attributes: Mapping[str, str | int]) -> None:
        self.ends.append(attributes)

    def ended(self, *_: object) -> None:
        raise AssertionError("the collector continues nothing")

    def close(self) -> None: ...


@pytest.fixture
def traces() -> Recorded:
    return Recorded()


@pytest.fixture
def http(
    traces: Recorded, sink: MemorySink, settings: CollectorSettings, clock: ManualClock
) -> httpx.AsyncClient:
    intake = make_intake(SECRET, KEYS, settings)
    app = make_app(settings, intake, sink, make_health(sink, lambda: None), Metrics(), clock, traces)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector")


def event(**fields: object) -> dict[str, object]:
    return {"website_id": "shop", "event_type": "custom", "event_name": "purchase", **fields}


async def test_each_event_of_a_chosen_request_carries_its_context(
    http: httpx.AsyncClient, traces: Recorded, published: Callable[[], list[RawEvent]]
) -> None:
    for name in ("first", "second"):
        body = json.dumps([event(event_name=name), event(event_name=name, visitor_id="v1")])
        answer = await http.post(
            "/api/collect",
            content=body,
            headers={"traceparent": "00-client", "content-type": "application/json"},
        )
        assert answer.status_code == 202
    assert {(found.event_name, found.traceparent) for found in published()} == {
        ("first", CONTEXT),
        ("second", ""),
    }
    assert traces.clients == [b"00-client"]
    assert traces.ends == [
        {"http.request.method": "POST", "http.response.status_code": 202, "eventrail.events": 2}
    ]


async def test_what_kafka_refuses_ends_its_span_with_the_answer(
    http: httpx.AsyncClient, traces: Recorded, sink: MemorySink
) -> None:
    sink.refuse = dict.fromkeys(range(sink.partitions), "no leader")
    answer = await http.post("/api/collect", json=event())
    assert answer.status_code == 503
    assert [end["http.response.status_code"] for end in traces.ends] == [503]


async def test_a_request_without_events_ends_its_span_too(http: httpx.AsyncClient, traces: Recorded) -> None:
    answer = await http.post("/api/collect", json=event(event_name=""))
    assert answer.status_code == 400
    assert [(end["http.response.status_code"], end["eventrail.events"]) for end in traces.ends] == [(400, 0)]
