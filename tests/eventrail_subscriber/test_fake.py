import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st

from eventrail_subscriber import (
    EVENT_TYPE_CUSTOM,
    EVENT_TYPE_PAGEVIEW,
    TOPIC,
    EnrichedEvent,
    RecentEvents,
    happened_at,
    inspect,
    properties,
    read,
)
from eventrail_subscriber.fake import HASHED_VISITOR, START_MS, FakeTopic, Record
from eventrail_subscriber.v1.enriched_pb2 import VisitorSource

GOLDEN = Path(__file__).parents[2] / "proto" / "golden"
MADE_TODAY = ("custom", "pageview", "without_visitor", "server")


def event_of(record: Record) -> EnrichedEvent:
    return read(record.key, record.value, record.headers)


@pytest.mark.parametrize("name", MADE_TODAY)
def test_a_record_is_as_the_enricher_made_it(name: str) -> None:
    file = json.loads((GOLDEN / f"{name}.json").read_text())
    wanted = ParseDict(file["event"], EnrichedEvent())
    facts: dict[str, Any] = {field.name: value for field, value in wanted.ListFields()}
    made = FakeTopic().publish(**{"visitor_id": "", **facts})
    assert event_of(made) == wanted
    assert made.key.decode() == file["key"]
    assert {header: value.decode() for header, value in made.headers} == file["headers"]
    assert made.timestamp == file["timestamp_ms"]


@pytest.mark.parametrize(
    ("name", "visitor_id"),
    [("custom", "customer-42"), ("pageview", None), ("without_visitor", "")],
)
def test_what_nobody_said_is_there_as_well(name: str, visitor_id: str | None) -> None:
    """All fields that the enricher sets without being asked are set, and no other."""
    file = json.loads((GOLDEN / f"{name}.json").read_text())
    event_name = file["event"].get("event_name", "")
    made = event_of(FakeTopic().publish(event_name, visitor_id=visitor_id))
    of_the_client = {
        "event_data",
        "page",
        "geo",
        "agent",
        "referrer",
        "campaign",
        "language",
        "screen",
        "bot",
    }
    wanted = ParseDict(file["event"], EnrichedEvent())
    assert {field.name for field, _ in made.ListFields()} == {
        field.name for field, _ in wanted.ListFields()
    } - of_the_client
    assert made.visitor_source == wanted.visitor_source
    assert made.event_type == wanted.event_type


def test_the_arguments_are_the_events_facts() -> None:
    made = FakeTopic().publish(
        "purchase",
        {"plan": "pro", "amount": 49.99},
        website_id="blog",
        visitor_id="u-1",
        url="https://Shop.example:8080/cart?utm_source=news",
        timestamp=datetime(2026, 2, 2, 3, 40, 0, 7000, tzinfo=timezone(timedelta(hours=1))),
        geo={"country": "DE"},
        language="de",
    )
    event = event_of(made)
    assert (event.website_id, event.event_name, event.event_type) == ("blog", "purchase", EVENT_TYPE_CUSTOM)
    assert properties(event) == {"plan": "pro", "amount": 49.99}
    assert (event.visitor_id, event.visitor_source) == ("u-1", VisitorSource.VISITOR_SOURCE_CLIENT)
    assert (event.page.host, event.page.path, event.page.query) == (
        "shop.example",
        "/cart",
        "utm_source=news",
    )
    assert happened_at(event) == datetime(2026, 2, 2, 2, 40, 0, 7000, tzinfo=UTC)
    assert (event.identity_day, event.geo.country, event.language) == (20486, "DE", "de")


def test_without_arguments_it_is_a_page_view_of_a_hashed_visitor() -> None:
    event = event_of(FakeTopic().publish())
    assert (event.event_type, event.visitor_id) == (EVENT_TYPE_PAGEVIEW, HASHED_VISITOR)
    assert event.visitor_source == VisitorSource.VISITOR_SOURCE_HASH


def test_records_stand_on_one_partition_by_offset_a_second_apart() -> None:
    topic = FakeTopic(partition=3)
    made = [topic.publish("a"), topic.publish("b"), topic.publish_again(topic.records[0])]
    assert topic.records == made
    assert [(record.topic, record.partition, record.offset) for record in made] == [
        (TOPIC, 3, offset) for offset in range(3)
    ]
    assert [record.timestamp for record in made] == [START_MS + 1000, START_MS + 2000, START_MS + 1000]
    assert event_of(made[0]).event_id != event_of(made[1]).event_id


def test_a_copy_is_one_to_the_last_byte_and_is_told() -> None:
    topic = FakeTopic()
    first = topic.publish("purchase")
    again = topic.publish_again(first)
    assert {**asdict(again), "offset": 0} == asdict(first)
    recent = RecentEvents(10)
    recent.add(event_of(first))
    assert event_of(again) in recent


def test_a_session_goes_on_for_as_long_as_the_visitor_does() -> None:
    topic = FakeTopic()
    start = datetime(2026, 5, 29, 12, tzinfo=UTC)
    minutes = (0, 30, 55, 86)
    events = [
        event_of(topic.publish("a", visitor_id="u", timestamp=start + timedelta(minutes=at)))
        for at in minutes
    ]
    other = event_of(topic.publish("a", visitor_id="v", timestamp=start))
    assert [event.session_id == events[0].session_id for event in events] == [True, True, True, False]
    assert [event.session_started_at_ms == events[0].timestamp_ms for event in events] == [
        True,
        True,
        True,
        False,
    ]
    assert len({event.session_id for event in (*events, other)}) == 3


def test_the_same_calls_give_the_same_records() -> None:
    def made() -> list[Record]:
        topic = FakeTopic()
        topic.publish("a", {"x": 1})
        topic.publish(visitor_id="")
        return topic.records

    assert made() == made()


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ({"colour": "red"}, 'has no "colour" field'),
        ({"website_id": "a/b"}, "these arguments make no event: website_id is not 1 to 64"),
        (
            {"event_name": "n" * 256},
            "these arguments make no event: the event_name of a custom event has 256",
        ),
        ({"event_data": {"a": float("nan")}}, "not JSON compliant"),
        ({"timestamp": datetime(2026, 2, 2)}, "needs a time zone"),  # noqa: DTZ001
    ],
)
def test_what_the_enricher_could_not_publish_is_refused(facts: dict[str, Any], complaint: str) -> None:
    topic = FakeTopic()
    with pytest.raises(ValueError, match=complaint):
        topic.publish(**facts)
    assert topic.records == []


@given(
    event_name=st.text(max_size=255),
    event_data=st.dictionaries(
        st.text(max_size=9), st.text(max_size=9) | st.integers() | st.none(), max_size=5
    ),
    visitor_id=st.none() | st.text(max_size=60),
    timestamp=st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_fake_is_an_event(
    event_name: str, event_data: dict[str, Any], visitor_id: str | None, timestamp: datetime
) -> None:
    topic = FakeTopic()
    made = topic.publish(event_name, event_data, visitor_id=visitor_id, timestamp=timestamp)
    assert inspect(made.key, made.value, made.headers).faults == ()
    assert properties(event_of(made)) == event_data
    assert abs(happened_at(event_of(made)) - timestamp) < timedelta(milliseconds=1)
