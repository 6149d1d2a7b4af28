import json
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.app import make_intake
from collector.event_ids import time_of
from collector.intake import Client, Intake
from collector.settings import CollectorSettings
from eventrail.clock import MS_PER_DAY, utc_day
from eventrail.contract.codec import check_raw
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.sealing import AddressOpener

NOW_MS = 1_770_000_000_000
KEYS = {"k1": b"k" * 32}
CLIENT = Client(ip_address("192.0.2.1"), "agent")
EVENT = {"website_id": "shop", "type": "event", "event_name": "a"}
UUID4 = "9f0c1c1e-52b5-4a9f-8a3c-0d8a3b1c2d3e"


def intake() -> Intake:
    return make_intake(b"s" * 32, KEYS, CollectorSettings())


def events(body: Any, client: Client = CLIENT) -> list[RawEvent]:
    taken = intake().take(json.dumps(body).encode(), client, NOW_MS)
    made = [RawEvent.FromString(event.value) for event in taken.events]
    for event in made:
        check_raw(event)
    return made


MEMBERS = st.one_of(
    st.fixed_dictionaries(
        {"website_id": st.just("shop"), "type": st.just("event"), "event_name": st.text(max_size=4)},
        optional={
            "event_data": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3).map(
                json.dumps
            ),
            "visitor_id": st.text(max_size=70),
            "url": st.text(max_size=5) | st.integers(),
            "timestamp": st.integers() | st.text(max_size=5),
            "extra": st.booleans(),
        },
    ),
    st.integers(),
)


@given(st.lists(MEMBERS, min_size=1, max_size=50))
def test_accepted_and_rejected_are_what_was_sent(body: list[Any]) -> None:
    taken = intake().take(json.dumps(body).encode(), CLIENT, NOW_MS)
    assert sorted([*taken.indexes, *(entry.index for entry in taken.rejected)]) == list(range(len(body)))
    assert [RawEvent.FromString(event.value).event_id for event in taken.events] == taken.event_ids
    assert taken.event_ids == sorted(set(taken.event_ids))


def test_without_id_and_time_the_collector_gives_both() -> None:
    (event,) = events(EVENT)
    assert (event.timestamp_ms, event.received_at_ms) == (NOW_MS, NOW_MS)
    assert time_of(event.event_id) == NOW_MS
    assert event.identity_day == utc_day(NOW_MS)


def test_a_retry_with_the_id_of_an_answer_has_the_same_identity() -> None:
    midnight = (utc_day(NOW_MS) + 1) * MS_PER_DAY
    shared = intake()
    taken = shared.take(json.dumps(EVENT).encode(), CLIENT, midnight - 1)
    for _ in range(5000):  # more than one millisecond has counters for: the last ids carry the next day
        taken = shared.take(json.dumps(EVENT).encode(), CLIENT, midnight - 1)
    first = RawEvent.FromString(taken.events[0].value)
    taken = shared.take(json.dumps(EVENT | {"event_id": first.event_id}).encode(), CLIENT, midnight + 999)
    again = RawEvent.FromString(taken.events[0].value)
    assert (again.event_id, again.identity_day) == (first.event_id, first.identity_day)
    assert first.identity_day == utc_day(midnight)


@pytest.mark.parametrize("offset_s", [300, -7 * 86_400, 0])
def test_a_time_within_the_window_is_believed(offset_s: int) -> None:
    sent = NOW_MS + offset_s * 1000
    (event,) = events(EVENT | {"timestamp": sent})
    assert (event.timestamp_ms, event.identity_day) == (sent, utc_day(sent))


@pytest.mark.parametrize("sent", [NOW_MS + 300_001, NOW_MS - 7 * MS_PER_DAY - 1, 0, -(10**12)])
def test_a_time_beyond_it_is_replaced_and_told_but_the_identity_day_stays(sent: int) -> None:
    body = json.dumps([EVENT | {"timestamp": sent, "event_id": UUID4}]).encode()
    taken = intake().take(body, CLIENT, NOW_MS)
    event = RawEvent.FromString(taken.events[0].value)
    assert (event.timestamp_ms, event.identity_day) == (NOW_MS, max(utc_day(sent), 0))
    assert [(entry.index, entry.field) for entry in taken.adjusted] == [(0, "timestamp")]
    assert taken.adjusted[0].message.startswith("[0].timestamp: ")


CLOCKS = st.integers(-8_640_000_000_000_000, 8_640_000_000_000_000)


@given(moments=st.lists(st.tuples(CLOCKS, st.none() | CLOCKS), min_size=1, max_size=10))
def test_no_clock_however_wrong_loses_an_event_or_puts_it_ahead(
    moments: list[tuple[int, int | None]],
) -> None:
    body = [EVENT | {"timestamp": moment, "sent_at": clock} for moment, clock in moments]
    taken = intake().take(json.dumps(body).encode(), CLIENT, NOW_MS)
    assert (len(taken.events), taken.rejected) == (len(body), [])
    replaced = {entry.index for entry in taken.adjusted}
    for index, (placed, (moment, clock)) in enumerate(zip(taken.events, moments, strict=True)):
        event = RawEvent.FromString(placed.value)
        check_raw(event)
        age = NOW_MS - moment if clock is None else clock - moment
        believed = -300_000 <= age <= 7 * MS_PER_DAY
        assert event.timestamp_ms == (NOW_MS - age if believed else NOW_MS)
        assert (index in replaced) is not believed
        assert event.identity_day == min(max(utc_day(moment), 0), 65_535)


@given(skew=st.integers(-(10**15), 10**15), age=st.integers(0, 7 * MS_PER_DAY))
def test_the_skew_of_a_clock_does_not_change_the_time_of_an_event(skew: int, age: int) -> None:
    (event,) = events(EVENT | {"timestamp": NOW_MS + skew - age, "sent_at": NOW_MS + skew})
    assert event.timestamp_ms == NOW_MS - age


def test_the_address_is_sealed_once_per_request_and_never_in_the_clear() -> None:
    first, second = events([EVENT, EVENT])
    assert first.client_address == second.client_address
    assert AddressOpener(KEYS).open(first.client_address) == CLIENT.address
    assert CLIENT.address is not None
    for text in (CLIENT.address.packed, str(CLIENT.address).encode()):
        assert text not in first.SerializeToString()


def test_an_unknown_client_is_left_out() -> None:
    (event,) = events(EVENT, Client(None, ""))
    assert not event.HasField("client_address")
    assert event.user_agent == ""


def test_every_field_reaches_the_record() -> None:
    (event,) = events(
        EVENT
        | {
            "event_name": " a ",
            "url": "/a?b",
            "referrer": "https://r.example/",
            "event_data": {"n": 1.50, "t": "é"},
            "visitor_id": "v",
            "language": "en-GB",
            "screen_width": 3,
            "screen_height": 4,
            "utm_source": "s",
            "utm_content": "c",
            "event_id": UUID4,
            "timestamp": "2026-02-02T02:00:00+01:00",
        }
    )
    assert event.event_name == "a"
    assert (event.url, event.referrer, event.language) == ("/a?b", "https://r.example/", "en-GB")
    assert json.loads(event.event_data) == {"n": 1.5, "t": "é"}
    assert (event.visitor_id, event.event_id, event.user_agent) == ("v", UUID4, "agent")
    assert (event.screen.width, event.screen.height) == (3, 4)
    assert (event.campaign.source, event.campaign.medium, event.campaign.content) == ("s", "", "c")
    assert event.timestamp_ms == 1_769_994_000_000


def test_nothing_absent_is_present() -> None:
    (event,) = events(EVENT)
    assert {field.name for field, _ in event.ListFields()} == {
        "website_id",
        "event_id",
        "event_type",
        "event_name",
        "timestamp_ms",
        "received_at_ms",
        "identity_day",
        "client_address",
        "user_agent",
    }


def test_a_visitor_id_decides_the_partition_else_address_and_agent() -> None:
    def key(member: dict[str, Any], client: Client) -> int:
        return intake().take(json.dumps(member).encode(), client, NOW_MS).events[0].key

    elsewhere = Client(ip_address("2001:db8::1"), "other")
    assert key(EVENT | {"visitor_id": "v"}, CLIENT) == key(EVENT | {"visitor_id": "v"}, elsewhere)
    assert key(EVENT, CLIENT) != key(EVENT, elsewhere)
    assert key(EVENT, CLIENT) == key(EVENT | {"event_name": "b"}, CLIENT)
