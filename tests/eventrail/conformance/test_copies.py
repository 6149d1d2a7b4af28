from dataclasses import replace
from typing import Any

from eventrail.conformance.copies import Copies, Kind, raw_place
from eventrail.conformance.findings import Place
from eventrail_subscriber import EnrichedEvent
from eventrail_subscriber.fake import FakeTopic, Record


def seen(copies: Copies, record: Record, partition: int | None = None) -> tuple[Kind, str]:
    place = Place(record.partition if partition is None else partition, record.offset)
    return copies.see(place, record.key, record.value, EnrichedEvent.FromString(record.value))


def same_raw_event(**facts: Any) -> Record:
    stood = {"partition": 1, "offset": 7, "index": 2}
    return FakeTopic().publish("purchase", **{"raw_position": stood, **facts})


def test_copies_of_the_enricher_are_one_to_the_last_byte() -> None:
    copies, topic = Copies(), FakeTopic(partition=3)
    first = topic.publish("purchase")
    assert seen(copies, first) == (Kind.FIRST, "")
    assert seen(copies, topic.publish_again(first)) == (Kind.COPY_OF_ENRICHER, "")
    assert seen(copies, topic.publish("purchase")) == (Kind.FIRST, "")
    for other in (replace(first, key=b"other"), replace(first, value=first.value + b"\xf8\x07\x01")):
        assert seen(copies, other) == (
            Kind.COPY_OF_ENRICHER,
            "it is made of the same raw event as 3:0, and differs from it",
        )


def test_facts_of_other_rules_may_differ() -> None:
    copies = Copies()
    seen(copies, same_raw_event())
    newer = same_raw_event(channel="Paid Search", enrichment={"rules_version": 4, "agent_rules": "fake 1"})
    assert seen(copies, newer) == (Kind.COPY_OF_ENRICHER, "")


def test_a_copy_stands_on_the_partition_of_the_first() -> None:
    copies = Copies()
    seen(copies, same_raw_event(), partition=0)
    assert (
        seen(copies, same_raw_event(), partition=1)[1]
        == "it is a copy of 0:0, and stands on another partition"
    )


def test_two_events_do_not_share_a_place_on_the_raw_topic() -> None:
    copies = Copies()
    seen(copies, same_raw_event())
    other = same_raw_event(event_id="0190a6c2-0000-7000-8000-000000000001")
    assert seen(copies, other)[1] == "it has the place on the raw topic of another event, which stands at 0:0"


def test_copies_of_clients_share_their_identity_alone() -> None:
    copies = Copies()
    first = same_raw_event()
    seen(copies, first)
    elsewhere: dict[str, Any] = {"raw_position": {"offset": 99}, "visitor_id": "another"}
    assert seen(copies, same_raw_event(**elsewhere)) == (Kind.COPY_OF_CLIENT, "")
    renamed = FakeTopic().publish("refund", raw_position={"offset": 100})
    assert seen(copies, renamed) == (Kind.FIRST, "")


def test_a_place_on_the_raw_topic_has_three_numbers() -> None:
    assert raw_place(EnrichedEvent.FromString(same_raw_event().value)) == (1, 7, 2)
