"""States that are rebuilt from stored rows are those that the pipeline had."""

from collections.abc import Callable
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enricher.chunk import RawRecord, process
from enricher.enrichments.session_state import State, decode
from enricher.replay.past_sessions import PAST_COLUMNS, PastRow, PastSessions
from enricher.sessions import Overlay
from enricher.world import World
from eventrail.contract.codec import decode_enriched
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents

MINUTE = 60_000
EVENING = 1_780_092_000_000  # 2026-05-29T22:00:00Z
LATER = EVENING + 400 * 86_400_000

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", ""]),
        st.sampled_from([0, 1, 25, 31, 45, 8 * 60]),
        st.sampled_from([0, 0, 10, 35, 70]),
        st.sampled_from(["", "utm_source=news&utm_medium=email", "gclid=x"]),
        st.sampled_from(["", "https://www.google.com/search", "https://shop.example/other"]),
    ),
    max_size=12,
)


def past_row(event: EnrichedEvent) -> PastRow:
    campaign = event.campaign
    return PastRow(
        event.raw_position.partition,
        event.raw_position.offset,
        event.website_id,
        event.visitor_id,
        UUID(event.session_id),
        event.session_started_at_ms,
        event.timestamp_ms,
        event.received_at_ms,
        event.referrer.url,
        event.referrer.domain,
        campaign.source,
        campaign.medium,
        campaign.campaign,
        campaign.term,
        campaign.content,
        campaign.click_id,
        campaign.inherited,
    )


def test_each_field_has_its_column() -> None:
    assert len(PAST_COLUMNS) == len(PastRow._fields)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(EVENTS)
def test_rows_give_the_states_that_the_pipeline_had(
    make_raw: Callable[..., RawEvent], world: World, drawn: list[tuple[str, int, int, str, str]]
) -> None:
    at_ms, states, past = EVENING, dict[bytes, bytes](), PastSessions()
    for number, (visitor, wait, late, query, referrer) in enumerate(drawn):
        at_ms += wait * MINUTE
        raw = make_raw(
            number,
            address=None if visitor else "81.2.69.142",
            visitor_id=visitor,
            received_at_ms=at_ms,
            timestamp_ms=at_ms - late * MINUTE,
            url=f"https://shop.example/?{query}",
            referrer=referrer,
        )
        record = RawRecord(3, number, 1, None, RawEvents(events=[raw]).SerializeToString())
        outcome = process(record, Overlay(states), world, LATER)
        states.update(outcome.sessions.written)
        [enriched] = outcome.enriched
        past.add([past_row(decode_enriched(enriched.value))])
    assert usable(past.of(3, at_ms), at_ms) == usable(states, at_ms)
    assert past.of(4, at_ms) == {}


def usable(states: dict[bytes, bytes], at_ms: int) -> dict[bytes, State]:
    found = {key: decode(value) for key, value in states.items()}
    return {key: state for key, state in found.items() if state is not None and not state.is_over(at_ms)}
