import pytest

from enricher.lookups.visitors import known_visitor, state_key, visitor_of
from enricher.partitions import key_hash
from eventrail.contract.codec import enriched_key
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent


@pytest.mark.parametrize("visitor_id", ["alice", " \u00dcn\u00ef ", "0" * 32])
def test_all_that_follows_from_a_visitor_id_is_there(visitor_id: str) -> None:
    visitor = visitor_of("shop", visitor_id)
    assert (visitor.website_id, visitor.visitor_id) == ("shop", visitor_id)
    assert visitor.state_key == state_key("shop", visitor_id)
    assert visitor.record_key == enriched_key(EnrichedEvent(visitor_id=visitor_id, event_id="e"))
    assert visitor.record_hash == key_hash(visitor.record_key)
    assert (visitor.opening, visitor.session) == (b"", b"")


def test_one_that_is_known_is_the_same_again() -> None:
    assert known_visitor("shop", "seen by no other test") is known_visitor("shop", "seen by no other test")
    assert known_visitor("shop", "seen by no other test") == visitor_of("shop", "seen by no other test")
    assert known_visitor("blog", "seen by no other test") != known_visitor("shop", "seen by no other test")


def test_keys_of_states_stay_what_they_are() -> None:
    # States outlive a release: a change here would split all sessions.
    assert state_key("shop", "alice").hex() == "8fffd08e5a0333f95aec45e37f0336"
