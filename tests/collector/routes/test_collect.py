import asyncio
import gzip
import json
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from itertools import chain
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from collector.app import Application
from collector.metrics import Metrics
from collector.refusals import KINDS
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.contract.codec import decode_raw
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.sealing import AddressOpener

EVENT = {"website_id": "shop", "type": "event", "event_name": "a"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*EVENT, "event_data", "timestamp", "event_id", "screen"]) | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.binary(max_size=300),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.text('[]{}",:\\ud80019eE.-ntf ', max_size=80).map(str.encode),
    st.integers(1, 60_000).map(lambda depth: b"[" * depth),
)


@given(body=BODIES, content_type=st.sampled_from(["application/json", "text/plain", "image/png"]))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_bytes_give_a_500_and_every_answer_is_json(
    app: Application, body: bytes, content_type: str
) -> None:
    answer = asyncio.run(post(app, body, content_type))
    told = answer.json()
    assert answer.status_code in (202, 400, 413, 415), told
    assert ("error" in told) == (answer.status_code != 202)
    assert sum(entry["retry"] for entry in told["rejected"]) == 0


async def post(app: Application, body: bytes, content_type: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
        return await client.post("/api/collect", content=body, headers={"content-type": content_type})


async def test_a_failed_partition_rejects_its_members_alone(
    http: httpx.AsyncClient, sink: MemorySink, published: Callable[[], list[RawEvent]]
) -> None:
    sink.refuse = {1: "Kafka did not acknowledge in time"}
    batch = [EVENT | {"visitor_id": f"v{n}"} for n in range(20)]
    batch[3]["event_name"] = ""
    answer = await http.post("/api/collect", json=batch)
    told = answer.json()
    assert answer.status_code == 202
    assert told["event_ids"] == [event.event_id for event in published()]
    assert told["accepted"] + len(told["rejected"]) == 20
    assert [entry["index"] for entry in told["rejected"]] == sorted(
        entry["index"] for entry in told["rejected"]
    )
    away = [entry for entry in told["rejected"] if entry["code"] == "unavailable"]
    assert len(away) == len(told["rejected"]) - 1 > 0
    assert all(entry["retry"] and len(entry["event_id"]) == 36 for entry in away)
    assert away[0]["message"].startswith(f"[{away[0]['index']}]: Kafka did not acknowledge in time")


async def test_a_sink_that_takes_nothing_is_a_503_with_the_ids_to_retry(
    http: httpx.AsyncClient, sink: MemorySink
) -> None:
    await sink.close()
    answer = await http.post("/api/collect", json=[EVENT, EVENT])
    told = answer.json()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert told["error"]["code"] == "unavailable"
    assert told["event_ids"] == [entry["event_id"] for entry in told["rejected"]]
    assert [entry["retry"] for entry in told["rejected"]] == [True, True]


async def test_a_retry_with_the_ids_of_a_503_is_the_same_event(
    http: httpx.AsyncClient, sink: MemorySink, published: Callable[[], list[RawEvent]]
) -> None:
    sink.refuse = dict.fromkeys(range(3), "Kafka is away")
    (event_id,) = (await http.post("/e", json=EVENT)).json()["event_ids"]
    sink.refuse = {}
    answer = await http.post("/e", json=EVENT | {"event_id": event_id})
    assert answer.json()["event_ids"] == [event_id]
    assert [event.event_id for event in published()] == [event_id]


async def test_a_fault_of_the_collector_is_a_500_in_json(
    http: httpx.AsyncClient, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_events: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(sink, "publish", fail)
    answer = await http.post("/api/collect", json=EVENT)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text


async def test_a_body_is_refused_early_by_its_length(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/collect", content=b" " * 102_401)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


async def test_a_chunked_body_is_refused_while_it_is_read(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 4096

    answer = await http.post("/api/collect", content=endless())
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
    assert sent < 30


async def test_a_body_of_exactly_the_limit_is_read(http: httpx.AsyncClient) -> None:
    body = json.dumps(EVENT).encode()
    answer = await http.post("/api/collect", content=body + b" " * (102_400 - len(body)))
    assert answer.status_code == 202


async def test_a_bomb_is_refused_while_it_is_unpacked(http: httpx.AsyncClient) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 102_400
    tracemalloc.start()
    try:
        answer = await http.post("/api/collect", content=bomb, headers={"content-encoding": "gzip"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
    assert peak < 2_000_000


async def test_the_address_of_the_socket_is_the_clients(
    http: httpx.AsyncClient, published: Callable[[], list[RawEvent]]
) -> None:

    await http.post(
        "/api/collect", json=EVENT, headers={b"x-forwarded-for": b"198.51.100.1", b"user-agent": b"\xc3\x9c"}
    )
    (event,) = published()
    assert str(AddressOpener({"k1": b"k" * 32}).open(event.client_address)) == "203.0.113.7"
    assert event.user_agent == "Ü"


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"eventrail_collector_{name}", labels)


class TestTooManyAtOnce:
    @pytest.fixture
    def settings(self) -> CollectorSettings:
        return CollectorSettings(requests_in_flight=2)

    async def test_what_is_beyond_the_bound_is_answered_503_at_once(
        self, http: httpx.AsyncClient, sink: MemorySink, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        release = asyncio.Event()
        real = sink.publish

        async def slow(events: Any) -> Any:
            await release.wait()
            return await real(events)

        monkeypatch.setattr(sink, "publish", slow)
        waiting = [asyncio.create_task(http.post("/e", json=EVENT)) for _ in range(2)]
        async with asyncio.timeout(5):
            while value(metrics, "requests_in_flight") != 2:  # noqa: ASYNC110 - a plain value
                await asyncio.sleep(0)
        answer = await http.post("/e", json=EVENT)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        release.set()
        assert [done.status_code for done in await asyncio.gather(*waiting)] == [202, 202]
        assert (await http.post("/e", json=EVENT)).status_code == 202


async def test_what_happened_is_counted(http: httpx.AsyncClient, metrics: Metrics) -> None:
    await http.post("/api/collect", json=[EVENT, EVENT, 5])
    await http.post("/api/collect", content=b"{")
    assert value(metrics, "events_accepted_total") == 2
    assert value(metrics, "events_refused_total", code="validation_error") == 1
    assert value(metrics, "events_refused_total", code="invalid_json") == 1
    assert value(metrics, "requests_total", status="202") == 1
    assert value(metrics, "requests_total", status="400") == 1
    assert value(metrics, "publish_seconds_count") == 1
    assert value(metrics, "requests_in_flight") == 0


GOOD_MEMBERS = st.fixed_dictionaries(
    {key: st.just(value) for key, value in EVENT.items()},
    optional={
        "visitor_id": st.sampled_from(["v1", "v2", "v3", "v4"]),
        "timestamp": st.integers(0, 2_000_000_000_000),
        "sent_at": st.integers(0, 2_000_000_000_000),
        "event_id": st.uuids(version=4).map(str) | st.just("019c1c34-1180-7abc-8def-0123456789ab"),
        "event_data": st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
        "misspelt": st.none(),
    },
)
BAD_MEMBERS: st.SearchStrategy[Any] = st.sampled_from(
    [5, None, [], {}, EVENT | {"event_name": ""}, EVENT | {"event_data": {"a": "x" * 4096}}]
)


@given(
    members=st.lists(GOOD_MEMBERS | BAD_MEMBERS, min_size=1, max_size=50),
    failing=st.sets(st.integers(0, 2)),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_each_member_is_accepted_and_stored_or_rejected(
    app: Application, sink: MemorySink, members: list[Any], failing: set[int]
) -> None:
    sink.chunks.clear()
    sink.refuse = dict.fromkeys(failing, "Kafka is away")
    answer = asyncio.run(post(app, json.dumps(members).encode(), "application/json"))
    told = answer.json()
    refused = {entry["index"]: entry for entry in told["rejected"]}
    accepted = told.get("event_ids", []) if answer.status_code == 202 else []
    assert told.get("accepted", 0) == len(accepted) == len(members) - len(refused)
    assert list(refused) == sorted(refused)
    for entry in refused.values():
        assert entry["retry"] == (entry["code"] == "unavailable") == ("event_id" in entry)
    logs = [
        [event.event_id for chunk in chunks for event in decode_raw(chunk)] for chunks in sink.chunks.values()
    ]
    assert Counter(chain(*logs)) == Counter(accepted)
    for log in logs:
        remaining = iter(accepted)
        assert all(event_id in remaining for event_id in log)  # in the order of the receipt
    if not accepted:
        first = told["rejected"][0]
        assert (answer.status_code, told["error"]["code"]) == (KINDS[first["code"]].status, first["code"])
    given_ids = [
        member["event_id"] for n, member in enumerate(members) if n not in refused and "event_id" in member
    ]
    assert not Counter(given_ids) - Counter(accepted)
