"""What the canary does with what it finds: counted, told at /readyz, and logged when it changes."""

import json

import httpx
import pytest
from prometheus_client import CollectorRegistry

from canary.app import Canary, next_turn
from canary.doors import Collector, QueryApi
from canary.metrics import metrics
from canary.settings import CanarySettings
from canary.watch import Watch
from eventrail.clock import ManualClock


class Installation:
    """Both doors of an installation in which nothing is stored until `store` is called."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.rows: list[str] = []
        self.limits: list[int] = []
        self.is_away = self.is_refusing = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.is_away:
            raise httpx.ConnectError("refused", request=request)
        if self.is_refusing:
            return httpx.Response(503, text="not now")
        if request.method == "POST":
            self.accepted.append(f"e{json.loads(request.content)['event_data']['number']}")
            return httpx.Response(202, json={"event_ids": [self.accepted[-1]]})
        self.limits.append(int(request.url.params["limit"]))
        return httpx.Response(200, json={"data": [{"event_id": name} for name in reversed(self.rows)]})

    def store(self) -> None:
        self.rows = list(self.accepted)


class Bench:
    def __init__(self) -> None:
        self.installation = Installation()
        self.registry = CollectorRegistry()
        self.clock = ManualClock()
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.installation))
        self.canary = Canary(
            CanarySettings(),
            Collector(http, "http://c", "canary", "p"),
            QueryApi(http, "http://q", "canary", "p", ""),
            Watch(60, 3600),
            metrics(self.registry),
            self.clock,
        )

    def figure(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"eventrail_canary_{name}", labels)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_an_event_is_timed_from_sending_to_the_first_answer_that_has_it(bench: Bench) -> None:
    await bench.canary.look()
    assert bench.installation.limits == [], "nothing is on its way, so nothing is asked"
    await bench.canary.send()
    bench.clock.advance(2)
    await bench.canary.look()
    assert bench.figure("seconds_count") == 0
    bench.installation.store()
    bench.clock.advance(2.5)
    await bench.canary.look()
    assert (bench.figure("seconds_count"), bench.figure("seconds_sum")) == (1, 4.5)
    assert bench.figure("missing_events") == 0
    assert bench.figure("events_total", outcome="ok") == 1
    assert bench.figure("looks_total", outcome="ok") == 2


async def test_what_does_not_come_is_missing_then_lost_and_what_comes_late_is_seen(bench: Bench) -> None:
    await bench.canary.send()
    bench.clock.advance(61)
    await bench.canary.look()
    assert bench.figure("missing_events") == 1
    bench.installation.store()
    await bench.canary.look()
    assert bench.figure("missing_events") == 0
    assert bench.figure("seconds_bucket", le="60.0") == 0
    assert bench.figure("seconds_bucket", le="120.0") == 1
    await bench.canary.send()
    bench.clock.advance(3601)
    await bench.canary.look()
    assert bench.installation.limits[-1] >= 360, "all that was sent since the oldest one fits into the answer"
    assert (bench.figure("missing_events"), bench.figure("lost_events_total")) == (0, 1)


async def test_an_outage_is_told_and_events_that_were_accepted_before_it_stay_watched(bench: Bench) -> None:
    await bench.canary.send()
    bench.installation.is_away = True
    bench.clock.advance(61)
    for _ in range(3):
        await bench.canary.send()
        await bench.canary.look()
    assert bench.figure("events_total", outcome="unreachable") == 3
    assert bench.figure("looks_total", outcome="unreachable") == 3
    assert bench.figure("missing_events") == 1
    ready, checks = await bench.canary.health().ask()
    assert ready
    assert "ConnectError" in checks["collector"]
    assert "ConnectError" in checks["query-api"]
    bench.installation.is_away, bench.installation.is_refusing = False, True
    await bench.canary.send()
    assert bench.figure("events_total", outcome="refused") == 1
    bench.installation.is_refusing = False
    bench.installation.store()
    await bench.canary.send()
    await bench.canary.look()
    assert (await bench.canary.health().ask())[1] == {"collector": "ok", "query-api": "ok"}
    assert bench.figure("seconds_count") == 1


async def test_an_event_that_is_answered_twice_is_counted(bench: Bench) -> None:
    await bench.canary.send()
    bench.installation.rows = ["e1", "e1"]
    await bench.canary.look()
    assert bench.figure("repeated_events_total") == 1


@pytest.mark.parametrize(
    ("ended", "following"), [(100.0, 110.0), (104.0, 110.0), (110.0, 110.0), (125.0, 130.0)]
)
def test_turns_keep_to_their_times_and_leave_out_what_a_slow_one_covered(
    ended: float, following: float
) -> None:
    assert next_turn(100.0, ended, 10.0) == following
