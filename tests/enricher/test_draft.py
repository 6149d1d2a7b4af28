from enricher.draft import Draft
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent


def test_a_draft_begins_empty_and_shares_nothing() -> None:
    first, second = Draft(RawEvent(), RawPosition()), Draft(RawEvent(), RawPosition())
    first.event.website_id = "shop"
    assert second.event == EnrichedEvent()
    assert second.address is None
    assert second.page is None
