import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import access
from collector.payload import reading, rules
from collector.refusals import Refused
from eventrail.contract import names
from eventrail_client import events, wire
from eventrail_client.errors import InvalidEvent
from eventrail_client.events import Event, Fields
from eventrail_client.options import LEAST_BYTES

NOW_MS = 1_770_000_000_000
V4 = "0b7e9a52-6f0c-4d3e-9a55-3f2b8d1c4e01"
V7 = "019aae5d-0a7b-7c3e-9a55-3f2b8d1c4e01"

texts = st.text(st.characters(exclude_categories=()), max_size=12)
long_texts = st.integers(0, 2100).map("a".__mul__)
moments = st.integers(-(10**17), 10**17)
some_fields: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "visitor_id": texts | st.integers(0, 70).map("é".__mul__),
        "url": texts | long_texts,
        "referrer": texts | long_texts,
        "language": texts | st.sampled_from(["de-AT,de;q=0.9", "*", "x" * 36]),
        "event_id": st.uuids().map(str) | st.sampled_from([V7, V7.upper(), "nonsense", ""]),
        "timestamp": moments,
    },
)


def make(name: str = "purchase", props: Any = None, **fields: Any) -> Event:
    return events.make("shop", name, props, Fields(**fields), NOW_MS, 5)  # type: ignore[typeddict-item]


def judged(body: bytes) -> rules.Event:
    (member,) = reading.read(body).members
    if isinstance(member, Refused):
        raise member
    return rules.judge(member)


@given(texts | st.integers(250, 260).map("é".__mul__), some_fields)
def test_the_collector_takes_what_is_taken_here_and_nothing_else(name: str, fields: dict[str, Any]) -> None:
    plain = {"website_id": "shop", "event_type": "custom", "event_name": name, **fields}
    try:
        there = judged(json.dumps(plain).encode())
    except Refused:
        with pytest.raises(InvalidEvent):
            make(name, **fields)
        return
    here = judged(wire.body([make(name, **fields)], NOW_MS))
    assert here.clock_ms == NOW_MS
    for part in ("event_name", "visitor_id", "url", "referrer", "language", "sent_ms"):
        if getattr(there, part) is not None:
            assert getattr(here, part) == getattr(there, part)
    assert here.event_id == (there.event_id or make(name, **fields).event_id)


def test_an_event_carries_what_makes_it_one() -> None:
    member = json.loads(make(" purchase ", {"plan": "pro"}, visitor_id="u-1").sent(7))
    assert member == {
        "website_id": "shop",
        "event_type": "custom",
        "event_name": "purchase",
        "event_data": {"plan": "pro"},
        "visitor_id": "u-1",
        "event_id": "019c1c38-a400-7000-8000-000000000005",
        "timestamp": NOW_MS,
        "sent_at": 7,
    }


@pytest.mark.parametrize(
    ("moment", "unix_ms"),
    [
        (datetime(2026, 2, 2, 2, 40, tzinfo=UTC), NOW_MS),
        (datetime(2026, 2, 2, 8, 10, tzinfo=timezone(timedelta(hours=5, minutes=30))), NOW_MS),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (NOW_MS, NOW_MS),
        (0, 0),
    ],
)
def test_a_moment_becomes_milliseconds(moment: datetime | int, unix_ms: int) -> None:
    assert json.loads(make(timestamp=moment).sent(1))["timestamp"] == unix_ms


def test_an_id_of_ones_own_keeps_its_time() -> None:
    assert json.loads(make(event_id=V7.upper()).sent(1))["timestamp"] == int(V7[:8] + V7[9:13], 16)
    assert make(event_id=V4, timestamp=5).event_id == V4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"event_id": V4}, "event_id: needs timestamp beside it, unless it is a UUID of version 7"),
        ({"event_id": "7"}, "event_id: must be a UUID"),
        ({"timestamp": datetime(2026, 1, 1)}, "timestamp: needs a time zone"),  # noqa: DTZ001
        ({"timestamp": 1.5}, "timestamp: must be a datetime, or Unix milliseconds"),
        ({"timestamp": True}, "timestamp: must be a datetime, or Unix milliseconds"),
        ({"timestamp": 10**16}, "timestamp: is out of range"),
        ({"visitor_id": 42}, "visitor_id: must be a text, but is a int"),
        ({"user_agent": "x" * 1025}, "user_agent: has 1,025 characters"),
        ({"client_ip": "203.0.113.7:80"}, "client_ip: must be an IPv4 or IPv6 address, without a port"),
    ],
)
def test_a_fault_names_its_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidEvent, match=message):
        make(**fields)


@pytest.mark.parametrize("address", ["203.0.113.7", " 2001:db8::1 ", "fe80::1%eth0", "::ffff:203.0.113.7"])
def test_an_address_means_the_same_there(address: str) -> None:
    sent = json.loads(make(client_ip=address).sent(1))["client_ip"]
    assert access.address_of(sent) == access.address_of(address)


@pytest.mark.parametrize("name", ["", " \u2003\n", 7, None])
def test_an_event_has_a_name(name: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"^event_name: must"):
        make(name)


def test_a_field_that_no_event_has_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="no field 'visitorid'"):
        make(visitorid="u-1")


def test_what_is_none_or_empty_is_left_out() -> None:
    empty = make(visitor_id=None, url="", language="*", client_ip="", user_agent=None, event_id=None)
    assert empty == make()


@pytest.mark.parametrize("website_id", ["demo", "a.b-c_D9", ".", "..", "", "a/b", "x" * 65, "é"])
def test_a_website_id_is_one_where_the_collector_says_so(website_id: str) -> None:
    assert events.is_website_id(website_id) is names.is_website_id(website_id)


def test_the_largest_event_fits_into_the_smallest_request() -> None:
    largest = make(
        "\x1f" * 255, {"a": "x" * 4000}, url="\x01" * 2048, referrer="\x01" * 2048, user_agent="\x01" * 1024,
        visitor_id="\x01" * 64, language="\x01" * 35, client_ip="2001:db8::1",
    )  # fmt: skip
    assert len(wire.body([largest], 10**15)) < LEAST_BYTES
