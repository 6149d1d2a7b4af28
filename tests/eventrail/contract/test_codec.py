import contextlib
import re
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract import codec
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, EventType
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.errors import ContractError

EVENT_ID = "0190a6c2-0000-7000-8000-000000000001"


def raw(**changes: object) -> RawEvent:
    fields: dict[str, object] = {
        "website_id": "shop",
        "event_id": EVENT_ID,
        "event_type": EventType.EVENT_TYPE_CUSTOM,
        "event_name": "purchase",
        "timestamp_ms": 1,
        "received_at_ms": 1,
    }
    return RawEvent(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_chunk_comes_back_in_order() -> None:
    chunk = RawEvents(events=[raw(event_name="a"), raw(event_name="b")])
    assert [e.event_name for e in codec.decode_raw(chunk.SerializeToString())] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "complaint", "rule"),
    [
        (None, "the record has no value, but must hold a RawEvents", False),
        (b"\xff\xff", "2 bytes that are no RawEvents", False),
        (b"", "a RawEvents without events", True),
    ],
)
def test_what_is_no_chunk(value: bytes | None, complaint: str, rule: bool) -> None:
    with pytest.raises(ContractError, match=complaint) as caught:
        codec.decode_raw(value)
    assert caught.value.rule is rule


@given(st.binary(max_size=300))
def test_any_bytes_are_a_chunk_or_a_contract_error(value: bytes) -> None:
    with contextlib.suppress(ContractError):
        assert len(codec.decode_raw(value)) >= 1


@pytest.mark.parametrize(
    "changes",
    [
        {"website_id": ""},
        {"event_id": "42"},
        {"event_type": 0},
        {"event_type": 99},
        {"timestamp_ms": 0},
        {"received_at_ms": -1},
        {"timestamp_ms": codec.LATEST_MS + 1},
        {"event_name": ""},
    ],
)
def test_rules_of_a_raw_event(changes: dict[str, object]) -> None:
    codec.check_raw(raw())
    with pytest.raises(ContractError) as caught:
        codec.check_raw(raw(**changes))
    assert caught.value.rule


def test_a_page_view_needs_no_name() -> None:
    codec.check_raw(raw(event_type=EventType.EVENT_TYPE_PAGEVIEW, event_name=""))


def test_key_is_the_visitor_else_the_event() -> None:
    assert codec.enriched_key(EnrichedEvent(visitor_id="v", event_id=EVENT_ID)) == b"v"
    assert codec.enriched_key(EnrichedEvent(event_id=EVENT_ID)) == EVENT_ID.encode()


def test_headers_are_cloudevents_in_binary_mode() -> None:
    event = EnrichedEvent(website_id="shop", event_id=EVENT_ID, timestamp_ms=1_770_000_000_007)
    assert dict(codec.enriched_headers(event)) == {
        "ce_specversion": b"1.0",
        "ce_type": b"io.eventrail.event.enriched.v1",
        "ce_source": b"/websites/shop",
        "ce_id": EVENT_ID.encode(),
        "ce_time": b"2026-02-02T02:40:00.007Z",
        "ce_dataschema": b"tag:eventrail.io,2026:eventrail.v1.EnrichedEvent",
        "content-type": b"application/protobuf",
    }


def test_headers_keep_the_rules_of_cloudevents() -> None:
    """Specification 1.0.2, "Naming Conventions", "Type System" and the attributes; Kafka binding, 3.2."""
    headers = codec.enriched_headers(EnrichedEvent(website_id="A_b.-9", event_id=EVENT_ID, timestamp_ms=7))
    attributes = {name.removeprefix("ce_"): value.decode() for name, value in headers}
    assert len(attributes) == len(headers)
    assert {"specversion", "type", "source", "id"} <= attributes.keys()
    assert attributes["specversion"] == "1.0"
    for name, value in attributes.items():
        assert name == "content-type" or re.fullmatch("[a-z0-9]{1,20}", name)
        assert value.isprintable()
        assert value
    assert re.fullmatch(r"/[\w./-]+", attributes["source"], re.ASCII)  # a URI-reference
    schema = urlsplit(attributes["dataschema"])  # an absolute URI, by RFC 3986, 4.3 without fragment
    assert schema.scheme
    assert not schema.fragment
    assert "#" not in attributes["dataschema"]
    assert datetime.fromisoformat(attributes["time"]).tzinfo is not None
    assert not attributes["content-type"].lower().startswith("application/cloudevents")


@given(st.integers(min_value=0, max_value=codec.LATEST_MS))
def test_rfc3339_reads_back(unix_ms: int) -> None:
    read = datetime.fromisoformat(codec.rfc3339(unix_ms))
    assert round(read.timestamp() * 1000) == unix_ms
    assert codec.rfc3339(unix_ms) == f"{read:%Y-%m-%dT%H:%M:%S}.{unix_ms % 1000:03d}Z"


@pytest.mark.parametrize("value", [None, b"\xff", b"", EnrichedEvent(event_id=EVENT_ID).SerializeToString()])
def test_what_is_no_enriched_event(value: bytes | None) -> None:
    with pytest.raises(ContractError):
        codec.decode_enriched(value)
