import base64
import json

from eventrail.contract.v1.raw_pb2 import RawEvents
from eventrail.rejected import showing
from tests.eventrail.rejected.making import ID, by_enricher, by_writer, enriched, raw, record


def text(value: object) -> str:
    return "\n".join(showing.lines(record(value, 1, 2)))  # type: ignore[arg-type]


def test_an_event_is_shown_as_a_patch_would_name_its_fields() -> None:
    shown = text(by_enricher(raw()))
    facts, _, event = shown.partition("\nevent:\n")
    assert "address           1:2" in facts
    assert "source            eventrail.raw.v1 partition 3 offset 70 index 1" in facts
    assert json.loads(event)["event_id"] == ID


def test_an_address_stays_sealed() -> None:
    event = raw()
    shown = text(by_enricher(event)) + json.dumps(showing.as_json(record(by_enricher(event))))
    assert shown.count("(sealed with key t1)") == 2
    assert base64.b64encode(event.client_address.ciphertext).decode() not in shown


def test_all_events_of_a_chunk_are_shown() -> None:
    shown = text(by_enricher(RawEvents(events=[raw(), raw(event_name="")])))
    assert "event 1 of 2:" in shown
    assert "event 2 of 2:" in shown
    assert len(showing.as_json(record(by_enricher(RawEvents(events=[raw(), raw()]))))["events"]) == 2


def test_what_cannot_be_decoded_is_shown_as_bytes() -> None:
    garbage = b"\xffgarbage\x00" * 3
    shown = text(by_writer(garbage))
    assert "the original cannot be decoded: 27 bytes that are no EnrichedEvent" in shown
    assert "00000000  ff 67 61 72 62 61 67 65 00 ff 67 61 72 62 61 67  |.garbage..garbag|" in shown
    assert f"base64: {base64.b64encode(garbage).decode()}" in shown
    assert "original_key      v1" in shown


def test_of_many_bytes_the_first_are_shown() -> None:
    shown = text(by_writer(b"\xff" * 5_000))
    assert len(shown) < 30_000
    assert "(4,096 of 5,000 bytes; --raw writes all of them)" in shown


def test_a_record_that_cannot_be_read_is_shown_as_bytes() -> None:
    assert "the record is no RejectedEvent" in text(b"\xff\xff")
    assert showing.raw_bytes(record(b"\xff\xff")) == b"\xff\xff"


def test_the_raw_bytes_are_the_original() -> None:
    event = enriched()
    assert showing.raw_bytes(record(by_writer(event))) == event.SerializeToString()


def test_as_json_bytes_are_base64() -> None:
    told = showing.as_json(record(by_writer(b"\xff\xff")))
    assert base64.b64decode(told["original_base64"]) == b"\xff\xff"
    assert "events" not in told
    assert "no bytes" in showing.as_json(record(by_writer(b"")))["fault"]
