"""What earlier releases left on the topics is gone on with: an upgrade loses no event and splits no session."""

import pytest

from enricher import checkpoints
from enricher.chunk import RawRecord, process
from enricher.sessions import Overlay
from eventrail import __version__
from eventrail.contract.codec import decode_enriched, decode_raw
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvents
from tests.enricher.conftest import NOON
from tests.enricher.releases import RELEASES, recorded
from tests.enricher.releases.making import OFFSET, PARTITION, VISITOR, event, world

LATER = NOON + 3_600_000

each = pytest.mark.parametrize("release", RELEASES)


def test_this_release_is_recorded() -> None:
    """With a new version: python -m tests.enricher.releases VERSION."""
    assert __version__ in RELEASES


def enriched(raw: bytes, sessions: Overlay, offset: int = OFFSET) -> list[EnrichedEvent]:
    outcome = process(RawRecord(PARTITION, offset, 1, None, raw), sessions, world(), LATER)
    assert outcome.reasons == []
    return [decode_enriched(record.value) for record in outcome.enriched]


@each
def test_its_raw_events_become_the_events_that_they_were(release: str) -> None:
    messages = recorded(release)
    before = [decode_enriched(value) for value in messages.enriched]
    assert len(before) == len(decode_raw(messages.raw)) == 4
    # A copy that this release makes of an event is the same event, in the same session.
    kept = (
        "website_id",
        "event_id",
        "event_type",
        "event_name",
        "identity_day",
        "timestamp_ms",
        "received_at_ms",
        "event_data",
        "visitor_id",
        "session_id",
        "session_started_at_ms",
    )
    for old, new in zip(before, enriched(messages.raw, Overlay({})), strict=True):
        assert {name: getattr(new, name) for name in kept} == {name: getattr(old, name) for name in kept}
        assert new.raw_position == old.raw_position


@each
def test_its_sessions_go_on(release: str) -> None:
    messages = recorded(release)
    states = {
        key: state
        for key, value in messages.changelog.items()
        if (state := checkpoints.newest(value)) is not None
    }
    assert len(states) == len(messages.changelog) >= 2
    before = next(
        found for value in messages.enriched if (found := decode_enriched(value)).visitor_id == VISITOR
    )
    raw = RawEvents(events=[event(9, 20, visitor_id=VISITOR)]).SerializeToString()
    [after] = enriched(raw, Overlay(states), OFFSET + 1)
    assert before.session_id
    assert after.session_id == before.session_id
