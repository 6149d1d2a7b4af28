"""The rate limits as a client meets them: statuses, receipts, headers, metrics."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from collector.app import Application, make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import ManualClock
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.websites import ListedWebsites, RateLimit, RateLimits, ServerKey, Website, keys

EVENT = {"website_id": "shop", "type": "event", "event_name": "a"}


@pytest.fixture
def settings() -> CollectorSettings:
    return CollectorSettings(
        rate_per_address=2,
        rate_per_address_burst=20,
        rate_per_website=100,
        rate_per_website_burst=30,
        trusted_proxies="203.0.113.0/24",
    )


async def send(http: httpx.AsyncClient, body: Any, address: str = "198.51.100.1") -> httpx.Response:
    return await http.post("/api/collect", json=body, headers={"x-forwarded-for": address})


def value(metrics: Metrics, name: str, limit: str) -> float | None:
    return metrics.registry.get_sample_value(f"eventrail_collector_{name}", {"limit": limit})


async def test_the_headers_tell_the_limits_on_each_answer(http: httpx.AsyncClient) -> None:
    answer = await send(http, [EVENT] * 5)
    assert answer.status_code == 202
    assert answer.headers["ratelimit-policy"] == (
        '"address";q=20;qu="events";w=10, "website";q=30;qu="events";w=1'
    )
    assert answer.headers["ratelimit"] == '"address";r=15;t=1, "website";r=25;t=1'
    assert "retry-after" not in answer.headers
    for body, status in (b"{", 400), (b" " * 102_401, 413):
        answer = await http.post("/e", content=body, headers={"x-forwarded-for": "198.51.100.1"})
        assert answer.status_code == status
        assert answer.headers["ratelimit"] == '"address";r=15;t=1'


async def test_what_is_beyond_the_burst_is_refused_alone_and_may_be_sent_again(
    http: httpx.AsyncClient, clock: ManualClock, published: Callable[[], list[RawEvent]]
) -> None:
    batch = [EVENT | {"event_name": f"e{n}"} for n in range(25)]
    batch[3] = EVENT | {"event_name": ""}
    answer = await send(http, batch)
    told = answer.json()
    assert (answer.status_code, told["accepted"]) == (202, 20)
    assert [(entry["index"], entry["code"], entry["retry"]) for entry in told["rejected"]] == [
        (3, "validation_error", False),
        *((n, "rate_limited", True) for n in range(21, 25)),
    ]
    assert told["rejected"][-1]["message"] == (
        "[24]: more events than the limit per address lets through (2 a second, 20 at once); "
        "send it again in 2 s"
    )
    assert answer.headers["ratelimit"] == '"address";r=0;t=1, "website";r=10;t=1'
    clock.advance(2)
    again = await send(http, [batch[entry["index"]] for entry in told["rejected"] if entry["retry"]])
    assert (again.status_code, again.json()["accepted"], again.json()["rejected"]) == (202, 4, [])
    assert len(published()) == 24


async def test_where_nothing_passes_the_answer_is_429_with_the_time_to_wait(
    http: httpx.AsyncClient, clock: ManualClock, published: Callable[[], list[RawEvent]]
) -> None:
    await send(http, [EVENT] * 20)
    answer = await send(http, [EVENT] * 7)
    told = answer.json()
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "4"
    assert (told["error"]["code"], told["error"]["field"]) == ("rate_limited", None)
    assert [entry["retry"] for entry in told["rejected"]] == [True] * 7
    assert len(published()) == 20
    clock.advance(4)
    assert (await send(http, [EVENT] * 7)).json()["accepted"] == 7


async def test_the_status_is_that_of_the_first_refusal(http: httpx.AsyncClient) -> None:
    await send(http, [EVENT] * 20)
    answer = await send(http, [5, EVENT])
    assert answer.status_code == 400
    assert "retry-after" not in answer.headers


async def test_others_are_not_touched_until_the_websites_limit_is_met(http: httpx.AsyncClient) -> None:
    assert (await send(http, [EVENT] * 20)).json()["accepted"] == 20
    answer = await send(http, [EVENT] * 20, "198.51.100.2")
    assert answer.json()["accepted"] == 10
    assert "limit per website" in answer.json()["rejected"][0]["message"]
    other = [EVENT | {"website_id": "blog"}] * 10
    assert (await send(http, other, "198.51.100.2")).json()["accepted"] == 10


async def test_a_spoofed_address_gets_no_bucket_of_its_own(http: httpx.AsyncClient) -> None:
    statuses = [(await send(http, [EVENT] * 10, f"192.0.2.{n}, 198.51.100.1")).status_code for n in range(4)]
    assert statuses == [202, 202, 429, 429]


async def test_a_slow_body_is_judged_by_the_time_at_which_it_is_there(
    http: httpx.AsyncClient, clock: ManualClock
) -> None:
    await send(http, [EVENT] * 20)

    async def slow() -> Any:
        yield b'{"website_id":"shop","type":"event",'
        clock.advance(1)
        yield b'"event_name":"a"}'

    answer = await http.post("/e", content=slow(), headers={"x-forwarded-for": "198.51.100.1"})
    assert answer.status_code == 202


async def test_refusals_and_buckets_are_counted(http: httpx.AsyncClient, metrics: Metrics) -> None:
    await send(http, [EVENT] * 23)
    await send(http, [EVENT] * 20, "198.51.100.2")
    assert (
        metrics.registry.get_sample_value(
            "eventrail_collector_events_refused_total", {"code": "rate_limited"}
        )
        == 13
    )
    assert value(metrics, "rate_limited_events_total", "address") == 3
    assert value(metrics, "rate_limited_events_total", "website") == 10
    assert value(metrics, "rate_limit_buckets", "address") == 2
    assert value(metrics, "rate_limit_buckets", "website") == 1
    assert value(metrics, "rate_limit_buckets_forgotten_total", "address") == 0
    assert "eventrail_collector_rate_limit_buckets_forgotten_total" in (await http.get("/metrics")).text


class TestMoreAddressesThanBuckets:
    @pytest.fixture
    def settings(self) -> CollectorSettings:
        return CollectorSettings(rate_per_address=0.001, rate_buckets=1000, trusted_proxies="203.0.113.0/24")

    async def test_memory_is_bounded_and_what_was_forgotten_is_counted(
        self, app: Application, http: httpx.AsyncClient, metrics: Metrics
    ) -> None:
        for number in range(1100):
            await send(http, EVENT, f"2001:db8:0:{number:x}::1")
        assert value(metrics, "rate_limit_buckets", "address") == 1000
        assert value(metrics, "rate_limit_buckets_forgotten_total", "address") == 100


class TestOff:
    @pytest.fixture
    def settings(self) -> CollectorSettings:
        return CollectorSettings()

    async def test_without_limits_nothing_is_told(self, http: httpx.AsyncClient) -> None:
        answer = await send(http, [EVENT] * 50)
        assert answer.json()["accepted"] == 50
        assert not {"ratelimit", "ratelimit-policy", "retry-after"} & set(answer.headers)


class TestWebsitesOfAFile:
    KEY = keys.make(b"k" * 32)

    @pytest.fixture
    def app(
        self, settings: CollectorSettings, sink: MemorySink, metrics: Metrics, clock: ManualClock
    ) -> Application:
        wide = RateLimits(per_address=RateLimit(per_second=1, burst=40))
        server = (ServerKey(id="shop", hash=keys.hash_of(self.KEY)),)
        websites = ListedWebsites(
            [
                Website(id="shop", name="Shop", domains=("shop.example",), server_keys=server),
                Website(id="wide", name="Wide", domains=("wide.example",), rate_limits=wide),
            ]
        )
        intake = make_intake(b"s" * 32, {"k1": b"k" * 32}, settings, websites=websites)
        return make_app(settings, intake, sink, make_health(sink, lambda: None), metrics, clock)

    async def test_a_websites_own_limits_win(self, http: httpx.AsyncClient) -> None:
        answer = await send(http, [EVENT | {"website_id": "wide"}] * 35)
        assert answer.json()["accepted"] == 30
        assert answer.headers["ratelimit-policy"].startswith('"address";q=40;qu="events";w=40, ')
        assert (await send(http, [EVENT] * 25)).json()["accepted"] == 20

    async def test_a_server_is_not_counted_by_its_address(self, http: httpx.AsyncClient) -> None:
        headers = {"authorization": f"Bearer {self.KEY}", "x-forwarded-for": "198.51.100.1"}
        answer = await http.post("/e", json=[EVENT] * 25, headers=headers)
        assert answer.json()["accepted"] == 25
        assert answer.headers["ratelimit"] == '"website";r=5;t=1'

    async def test_an_unknown_website_costs_nothing(self, http: httpx.AsyncClient) -> None:
        answer = await send(http, [EVENT | {"website_id": "nobody"}] * 25)
        assert answer.status_code == 404
        assert answer.headers["ratelimit"] == '"address";r=20'
