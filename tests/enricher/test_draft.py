from enricher.draft import Raw, read
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent
from tests.enricher.drafts import draft_of, event_of


def test_a_draft_begins_empty_and_shares_nothing() -> None:
    first, second = draft_of(RawEvent()), draft_of(RawEvent())
    first.visitor_id = "alice"
    assert event_of(second) == EnrichedEvent(raw_position=RawPosition())
    assert second.address is None
    assert second.page is None


def test_each_field_without_presence_is_read() -> None:
    names = {field.name for field in RawEvent.DESCRIPTOR.fields if not field.has_presence}
    assert names == set(Raw.__slots__) - {"message"}
    raw = RawEvent(website_id="shop", timestamp_ms=5, without_visitor=True)
    found = read(raw)
    assert {name: getattr(found, name) for name in names} == {name: getattr(raw, name) for name in names}
    assert found.message is raw
