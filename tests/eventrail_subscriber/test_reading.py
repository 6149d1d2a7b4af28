import base64
import json
import pickle
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.codec import enriched_key
from eventrail.contract.topics import ENRICHED
from eventrail.contract.v1 import enriched_pb2 as of_the_enricher
from eventrail_subscriber import TOPIC, EnrichedEvent, NotAnEvent, OtherType, Rule, inspect, read
from eventrail_subscriber.fake import FakeTopic, Record
from eventrail_subscriber.reading import key_of

GOLDEN = sorted((Path(__file__).parents[2] / "proto" / "golden").glob("*.json"))


def record() -> Record:
    return FakeTopic().publish("purchase", {"plan": "pro"}, visitor_id="u-1")


def refused(broken: Record) -> NotAnEvent:
    with pytest.raises(NotAnEvent) as caught:
        read(broken.key, broken.value, broken.headers, where="eventrail.enriched.v1/3:17")
    return caught.value


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_golden_records_are_read(path: Path) -> None:
    file = json.loads(path.read_text())
    headers = {name: value.encode() for name, value in file["headers"].items()}
    value = base64.b64decode(file["value"])
    event = read(file["key"].encode(), value, headers)
    assert event.event_id == file["event"]["event_id"]
    assert len(event.SerializeToString()) == len(value)


def test_an_event_comes_back_as_it_was_published() -> None:
    made = record()
    event = read(made.key, made.value, made.headers)
    assert event == EnrichedEvent.FromString(made.value)
    assert (event.website_id, event.event_name, event.event_data) == ("shop", "purchase", '{"plan":"pro"}')


def test_the_error_says_what_and_where_and_what_to_do() -> None:
    error = refused(replace(record(), key=b"u-2"))
    assert str(error) == (
        "eventrail.enriched.v1/3:17: the key is not its visitor_id. Put the record aside and go on; "
        "`python -m eventrail contract verify` tells whether the topic has more (docs/subscribe.md, rule key)."
    )
    assert (error.fault.rule, error.where) == (Rule.KEY, "eventrail.enriched.v1/3:17")


def test_it_travels_between_processes() -> None:
    error = refused(replace(record(), key=b"u-2"))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again), again.fault) == (NotAnEvent, str(error), error.fault)


def test_another_type_is_told_apart_from_a_fault() -> None:
    made = record()
    headers = tuple(
        (name, b"io.eventrail.event.enriched.v2" if name == "ce_type" else value)
        for name, value in made.headers
    )
    error = refused(replace(made, headers=headers, value=b"\xff"))
    assert isinstance(error, OtherType)
    assert "Pass over it, or use a version of eventrail-subscriber that knows this type" in str(error)
    assert not isinstance(refused(replace(made, value=b"\xff")), OtherType)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "the record has no value, but must hold an EnrichedEvent"),
        (b"\xff" * 1234, "its 1,234 bytes are no EnrichedEvent"),
    ],
)
def test_what_is_no_message_is_told(value: bytes | None, what: str) -> None:
    made = record()
    found = inspect(made.key, value, made.headers)
    assert found.event is None
    assert [(fault.rule, fault.what) for fault in found.faults] == [(Rule.VALUE, what)]


def test_the_key_is_that_of_the_visitor_or_of_the_event() -> None:
    topic = FakeTopic()
    nobody = topic.publish("purchase", visitor_id="")
    for made, named in ((record(), "its visitor_id"), (nobody, "its event_id, as there is no visitor_id")):
        assert inspect(made.key, made.value, made.headers).faults == ()
        for key, what in (
            (b"other", "the key is not"),
            (None, "it has no key, but must have"),
            (b"", "it has no key, but must have"),
        ):
            (fault,) = inspect(key, made.value, made.headers).faults
            assert (fault.rule, fault.what) == (Rule.KEY, f"{what} {named}")


@given(visitor_id=st.text(max_size=80))
def test_the_key_is_that_of_the_enricher(visitor_id: str) -> None:
    event_id = "0190a6c2-0000-7000-8000-000000000001"
    theirs = of_the_enricher.EnrichedEvent(visitor_id=visitor_id, event_id=event_id)
    assert key_of(EnrichedEvent(visitor_id=visitor_id, event_id=event_id)) == enriched_key(theirs)


def test_every_fault_is_found_at_once() -> None:
    made = record()
    event = EnrichedEvent.FromString(made.value)
    event.ClearField("raw_position")
    found = inspect(b"x", event.SerializeToString(), made.headers[1:])
    assert [fault.rule for fault in found.faults] == [Rule.FIELDS, Rule.KEY, Rule.HEADERS]


@given(
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=200),
    headers=st.none()
    | st.lists(st.tuples(st.sampled_from([name for name, _ in record().headers]), st.binary(max_size=40))),
)
def test_any_bytes_are_an_event_or_refused(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]] | None
) -> None:
    with pytest.raises(NotAnEvent):
        read(key, value, headers)


@given(at=st.integers(0, len(record().value) - 1), byte=st.integers(0, 255))
def test_a_byte_that_is_not_as_it_was_published_raises_nothing_else(at: int, byte: int) -> None:
    made = record()
    value = made.value[:at] + bytes([byte]) + made.value[at + 1 :]
    with suppress(NotAnEvent):
        read(made.key, value, made.headers)


def test_the_topic_is_the_enrichers() -> None:
    assert ENRICHED.name == TOPIC


def test_the_generated_code_of_both_packages_is_one_in_a_process_that_has_both() -> None:
    assert of_the_enricher.EnrichedEvent.DESCRIPTOR is EnrichedEvent.DESCRIPTOR
