import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.codec import ENRICHED_TYPE, LATEST_MS, enriched_headers
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent as OfTheEnricher
from eventrail_subscriber import EnrichedEvent, Rule, headers

EVENT = EnrichedEvent(
    website_id="shop", event_id="0190a6c2-0000-7000-8000-000000000001", timestamp_ms=1_770_000_000_007
)
NAMES = [name for name, _ in headers.of(EVENT)]


@given(
    website_id=st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    event_id=st.uuids().map(str),
    timestamp_ms=st.integers(1, LATEST_MS),
)
def test_they_are_those_that_the_enricher_writes(website_id: str, event_id: str, timestamp_ms: int) -> None:
    facts = {"website_id": website_id, "event_id": event_id, "timestamp_ms": timestamp_ms}
    assert headers.of(EnrichedEvent(**facts)) == enriched_headers(OfTheEnricher(**facts))  # type: ignore[arg-type]


def test_the_type_is_that_of_the_enricher() -> None:
    assert headers.TYPE == ENRICHED_TYPE


def test_all_forms_of_kafka_clients_are_taken() -> None:
    made = headers.of(EVENT)
    assert headers.pairs(dict(made)) == headers.pairs(tuple(made)) == headers.pairs(iter(made)) == made
    assert headers.pairs(None) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_header_that_is_missing_or_doubled_or_wrong_is_named(name: str) -> None:
    made = headers.of(EVENT)
    (own,) = [value for other, value in made if other == name]
    without = [(other, value) for other, value in made if other != name]
    wanted = {
        f"header {name} is missing": without,
        f"header {name} stands there 2 times": [*made, (name, own)],
        f"header {name} is 'other', but must be {own.decode()!r}": [*without, (name, b"other")],
    }
    for what, broken in wanted.items():
        (fault,) = headers.faults(broken, EVENT)
        assert (fault.rule, fault.what) == (Rule.HEADERS, what)


def test_a_header_of_a_later_version_is_fine() -> None:
    assert list(headers.faults([*headers.of(EVENT), ("ce_traceparent", b"00-1")], EVENT)) == []


def test_little_of_a_strange_value_is_shown() -> None:
    made = [(name, value) for name, value in headers.of(EVENT) if name != "ce_id"]
    (fault,) = headers.faults([*made, ("ce_id", b"\xff" * 500)], EVENT)
    assert fault.what.startswith("header ce_id is '\\\\xff\\\\xff")
    assert len(fault.what) < 160
    (fault,) = headers.faults([*made, ("ce_id", None)], EVENT)  # type: ignore[list-item]
    assert fault.what.startswith("header ce_id is empty, but must be")


def test_a_record_of_another_type_says_so() -> None:
    other = headers.other_type([("ce_type", b"io.eventrail.event.enriched.v2")])
    assert other is not None
    assert other.what == "ce_type is 'io.eventrail.event.enriched.v2', and not io.eventrail.event.enriched.v1"
    assert headers.other_type(headers.of(EVENT)) is None
    assert headers.other_type([]) is None
