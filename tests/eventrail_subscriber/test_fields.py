from typing import Any

import pytest

from eventrail_subscriber import EnrichedEvent, EventType, Rule, fields
from eventrail_subscriber.fake import FakeTopic
from eventrail_subscriber.v1.enriched_pb2 import BotKind, VisitorSource

YEAR_10000 = 253_402_300_800_000


def changed(**facts: Any) -> EnrichedEvent:
    event = EnrichedEvent.FromString(FakeTopic().publish("purchase").value)
    for name, value in facts.items():
        if value is None:
            event.ClearField(name)  # type: ignore[arg-type]
        else:
            setattr(event, name, value)
    return event


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"website_id": ""}, "website_id is not 1 to 64 characters"),
        ({"website_id": "a/b"}, "website_id is not 1 to 64 characters"),
        ({"website_id": "a" * 65}, "website_id is not 1 to 64 characters"),
        ({"event_id": "0190A6C2-0000-7000-8000-000000000001"}, "event_id is no UUID in lower-case"),
        ({"event_id": ""}, "event_id is no UUID in lower-case"),
        ({"event_type": 0}, "event_type is not set"),
        ({"event_name": ""}, "the event_name of a custom event has 0 characters, and not 1 to 255"),
        ({"event_name": "ä" * 256}, "the event_name of a custom event has 256 characters, and not 1 to 255"),
        ({"event_type": EventType.EVENT_TYPE_PAGEVIEW}, "a page view has an event_name"),
        ({"event_data": "ä" * 2049}, "event_data is longer than 4,096 bytes"),
        ({"timestamp_ms": 0}, "timestamp_ms does not lie in the years 1970 to 9999"),
        ({"received_at_ms": YEAR_10000}, "received_at_ms does not lie in the years 1970 to 9999"),
        ({"visitor_id": ""}, "visitor_id and session_id are not both set or both empty"),
        ({"session_id": "s"}, "session_id is no UUID in lower-case text form"),
        ({"session_started_at_ms": 0}, "session_id and session_started_at_ms are not both set or both empty"),
        ({"raw_position": None}, "raw_position is not set"),
        ({"enrichment": None}, "enrichment.rules_version is not set"),
        ({"channel": ""}, "channel is not set"),
        ({"visitor_source": 0}, "visitor_source is not set"),
    ],
)
def test_each_sentence_that_is_not_kept_is_named(facts: dict[str, Any], what: str) -> None:
    (fault,) = fields.faults(changed(**facts))
    assert fault.rule is Rule.FIELDS
    assert fault.what.startswith(what)


def test_what_a_later_version_adds_is_fine() -> None:
    event = changed(event_type=77, event_name="", visitor_source=99)
    event.bot.kind = 55  # type: ignore[assignment]
    assert event.event_type not in EventType.values()
    assert event.visitor_source not in VisitorSource.values()
    assert event.bot.kind not in BotKind.values()
    assert list(fields.faults(event)) == []


def test_what_rules_of_version_1_did_not_know_may_be_missing() -> None:
    event = changed(channel="", visitor_source=0)
    event.enrichment.rules_version = 1
    assert list(fields.faults(event)) == []


def test_the_largest_is_fine() -> None:
    event = changed(
        website_id="a" * 64, event_name="ä" * 255, event_data="ä" * 2048, timestamp_ms=YEAR_10000 - 1
    )
    assert list(fields.faults(event)) == []
