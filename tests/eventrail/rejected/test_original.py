import pytest

from eventrail.contract.v1.raw_pb2 import RawEvents
from eventrail.errors import ContractError
from eventrail.rejected import original
from tests.eventrail.rejected.making import by_enricher, by_writer, enriched, raw


def test_one_event_of_a_chunk() -> None:
    event = raw()
    assert original.events(by_enricher(event)) == [event]


def test_a_whole_chunk() -> None:
    events = [raw(), raw(event_name="signup")]
    assert original.events(by_enricher(RawEvents(events=events))) == events


def test_an_enriched_event() -> None:
    event = enriched()
    assert original.events(by_writer(event)) == [event]


def test_what_is_no_message_is_told() -> None:
    with pytest.raises(ContractError, match="3 bytes that are no RawEvents"):
        original.events(by_enricher(b"\xff\xff\xff"))
    with pytest.raises(ContractError, match="3 bytes that are no EnrichedEvent"):
        original.events(by_writer(b"\xff\xff\xff"))
    with pytest.raises(ContractError, match="does not know what stands on topic 'other'"):
        original.events(by_writer(enriched(), source_topic="other"))


def test_cut_bytes_are_known_by_what_the_services_write() -> None:
    whole = by_enricher(raw())
    assert original.is_whole(whole)
    # services/enricher/src/enricher/rejections.py and services/writer/src/writer/rejections.py
    assert not original.is_whole(by_enricher(raw(), detail="(first 7 of 9 bytes are kept) no RawEvents"))
    lost = "no EnrichedEvent (its 9 bytes do not fit here: read them at the source position)"
    assert not original.is_whole(by_writer(b"", detail=lost))
    assert not original.is_whole(by_writer(b""))


def test_the_json_form_has_the_names_of_the_proto_files_and_what_is_set() -> None:
    form = original.json_form(enriched(event_data='{"a":1}'))
    assert form["website_id"] == "shop"
    assert form["event_type"] == "EVENT_TYPE_CUSTOM"
    assert form["event_data"] == '{"a":1}'
    assert "language" not in form


def test_an_address_stays_sealed() -> None:
    event = raw()
    shown = original.shown(event)
    assert shown["client_address"] == "(sealed with key t1)"
    sealed = original.json_form(event)["client_address"]
    assert sealed["ciphertext"] not in str(shown)
    assert "client_address" not in original.shown(raw(client_address=None))
