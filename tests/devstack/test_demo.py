"""The recorded day: that it keeps the rules of the spec, and that its replay believes only exact counts."""

import json
import uuid
from collections import Counter
from datetime import date, datetime
from typing import Any

import httpx
import pytest

from devstack import demo
from devstack.demo import Day, Demo, Visit, batches, load, payload
from devstack.errors import DemoFailed
from devstack.ports import Addresses

DAY = load()
MEMBERS = [payload(event, DAY.website_id, date(2026, 2, 1)) for visit in DAY.visits for event in visit.events]
TODAY = date(2026, 2, 2)

SMALL = Day(
    "demo-shop",
    (
        Visit("Firefox", tuple({"at": "10:00:00", "event_name": "purchase"} for _ in range(60))),
        Visit("Safari", ({"at": "11:00:00", "event_name": "signup_click", "event_data": {"plan": "pro"}},)),
    ),
)


class FakeStack:
    """Collector and query API in one: counts what is posted, once per event_id."""

    def __init__(self, busy: int = 0, refuse: bool = False, lose: int = 0, double: bool = False) -> None:
        self.busy, self.refuse, self.lose, self.double = busy, refuse, lose, double
        self.posts: list[tuple[str, list[Any]]] = []
        self.seen: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return self.collect(request) if request.method == "POST" else self.query(request)

    def collect(self, request: httpx.Request) -> httpx.Response:
        members = json.loads(request.content)
        self.posts.append((request.headers["user-agent"], members))
        self.seen.update({member["event_id"]: member["event_name"] for member in members})
        if self.busy:
            self.busy -= 1
            return httpx.Response(503, headers={"Retry-After": "0"})
        if self.refuse:
            return httpx.Response(400, json={"error": {"message": "event_name is missing"}})
        return httpx.Response(202, json={"ok": True, "rejected": []})

    def query(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(dict(request.url.params))
        counted = Counter(list(self.seen.values())[self.lose :])
        if self.double:
            counted.update(counted)
        data = [{"event_name": name, "count": count} for name, count in counted.items()]
        return httpx.Response(200, json={"data": data})


async def replay(stack: FakeStack, day: Day = SMALL) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(stack)) as client:
        await Demo(day, Addresses.default(), client, TODAY).run()


def test_the_day_is_worth_showing() -> None:
    names = DAY.counts()
    assert 250 <= names.total() <= 600
    assert {
        *("product_viewed", "add_to_cart", "checkout_start", "purchase", "feature_used", "setting_changed"),
        *("video_play", "video_complete", "file_download", "signup_click", "demo_request"),
    } == set(names)
    assert len({visit.user_agent for visit in DAY.visits}) >= 20


def test_every_member_keeps_the_limits_of_the_spec() -> None:
    for member in MEMBERS:
        assert member["event_type"] == "custom"
        assert 1 <= len(member["event_name"]) <= 255
        assert member["url"].startswith("https://shop.example/")
        assert len(member.get("event_data", "").encode()) <= 4096
        assert isinstance(json.loads(member.get("event_data", "{}")), dict)
        assert str(uuid.UUID(member["event_id"])) == member["event_id"]


def test_visits_are_in_order_of_time() -> None:
    for visit in DAY.visits:
        times = [event["at"] for event in visit.events]
        assert times == sorted(times)


def test_a_time_of_day_becomes_a_time_of_that_day_in_utc() -> None:
    member = payload({"at": "09:05:01", "event_name": "x"}, "w", date(2026, 2, 1))
    assert member["timestamp"] == "2026-02-01T09:05:01Z"
    assert datetime.fromisoformat(member["timestamp"]).utcoffset() is not None
    assert "at" not in member


def test_requests_hold_at_most_fifty_events_and_all_of_them() -> None:
    members = [{"n": number} for number in range(101)]
    cut = list(batches(members))
    assert [len(batch) for batch in cut] == [50, 50, 1]
    assert [member for batch in cut for member in batch] == members


async def test_all_visits_are_posted_by_their_own_browsers() -> None:
    stack = FakeStack()
    await replay(stack)
    assert [(agent, len(members)) for agent, members in stack.posts] == [
        ("Firefox", 50),
        ("Firefox", 10),
        ("Safari", 1),
    ]
    assert stack.asked[-1] == {"start_date": "2026-02-01", "end_date": "2026-02-01"}


async def test_a_busy_collector_is_asked_again_with_the_same_ids() -> None:
    stack = FakeStack(busy=2)
    await replay(stack)
    ids = [[member["event_id"] for member in members] for _, members in stack.posts]
    assert ids[0] == ids[1] == ids[2] != ids[3]


async def test_what_was_there_before_is_not_mistaken_for_the_demo() -> None:
    stack = FakeStack()
    stack.seen = {"old": "purchase"}
    await replay(stack)
    assert Counter(stack.seen.values())["purchase"] == 61


async def test_a_refusal_is_shown_with_its_text() -> None:
    with pytest.raises(DemoFailed, match=r"answered 400: .*event_name is missing"):
        await replay(FakeStack(refuse=True))


@pytest.mark.parametrize(
    ("stack", "told"),
    [
        (FakeStack(lose=1), "purchase: 59 instead of 60"),
        (FakeStack(double=True), "purchase: 120 instead of 60"),
    ],
)
async def test_lost_and_doubled_events_are_named(
    monkeypatch: pytest.MonkeyPatch, stack: FakeStack, told: str
) -> None:
    monkeypatch.setattr(demo, "VISIBLE_LIMIT_S", 0.3)
    with pytest.raises(DemoFailed, match=told):
        await replay(stack)


async def test_a_query_that_fails_is_told() -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with httpx.AsyncClient(transport=httpx.MockTransport(broken)) as client:
        with pytest.raises(DemoFailed, match="refused"):
            await Demo(SMALL, Addresses.default(), client, TODAY).run()
