"""Session states as they were at one moment, rebuilt from the rows that were stored until then.

Rows know which session each event went to, so nothing is decided here again. Two things are not in the rows, and
matter only at the edge: an event of which another copy won (a client's repetition), and what lies further back than
the rows that are read.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple
from uuid import UUID

from enricher.enrichments.channel import channel_of
from enricher.enrichments.session import is_past
from enricher.enrichments.session_campaign import remembered
from enricher.enrichments.session_state import Session, State, encode
from enricher.lookups.visitors import state_key
from eventrail.contract.v1.enriched_pb2 import Campaign, Referrer

LOOKBACK_MS: Final = 48 * 3_600_000
"""How far back rows are read: as far as raw events are kept."""


class PastRow(NamedTuple):
    """What is read of a stored event with a visitor, in the order of PAST_COLUMNS. Times are Unix milliseconds."""

    raw_partition: int
    raw_offset: int
    website_id: str
    visitor_id: str
    session_id: UUID
    started_at_ms: int
    at_ms: int
    accepted_ms: int
    referrer_url: str
    referrer_domain: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str
    click_id: str
    campaign_inherited: bool


PAST_COLUMNS: Final = (
    "raw_partition",
    "raw_offset",
    "website_id",
    "visitor_id",
    "session_id",
    "toUnixTimestamp64Milli(session_started_at)",
    "toUnixTimestamp64Milli(timestamp)",
    "toUnixTimestamp64Milli(received_at)",
    "referrer_url",
    "referrer_domain",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "click_id",
    "campaign_inherited",
)
"""SQL of each field of PastRow."""


class PastSessions:
    """States by partition of the raw topic; rows are to be added in the order of their places on it."""

    def __init__(self) -> None:
        self._states: dict[tuple[int, bytes], State] = {}

    def add(self, rows: Iterable[PastRow]) -> None:
        for row in rows:
            if is_past(row.session_id.bytes):
                continue  # It left no trace in any state.
            key = row.raw_partition, state_key(row.website_id, row.visitor_id)
            state = self._states.get(key)
            if state is not None and state.is_over(row.accepted_ms):
                state = None
            self._states[key] = _after(state, row)

    def of(self, partition: int, at_ms: int) -> dict[bytes, bytes]:
        """The states of a partition that an event accepted at `at_ms` or later may find, as the pipeline keeps them."""
        return {
            key: encode(state)
            for (found, key), state in self._states.items()
            if found == partition and not state.is_over(at_ms)
        }


def _after(state: State | None, row: PastRow) -> State:
    """The state behind the event of `row`."""
    if state is None:
        return State(_with(_opened(row), row), None, row.accepted_ms)
    accepted_ms = max(state.accepted_ms, row.accepted_ms)
    if state.live.id == row.session_id.bytes:
        return State(_with(state.live, row), state.previous, accepted_ms)
    if state.previous is not None and state.previous.id == row.session_id.bytes:
        return State(state.live, _with(state.previous, row), accepted_ms)
    if row.at_ms > state.live.last_ms:
        return State(_with(_opened(row), row), state.live, accepted_ms)
    return state


def _opened(row: PastRow) -> Session:
    return Session(row.session_id.bytes, row.started_at_ms, row.started_at_ms, row.started_at_ms)


def _with(session: Session, row: PastRow) -> Session:
    campaign = _own_campaign(row)
    referrer = Referrer(domain=row.referrer_domain) if row.referrer_url else None
    memory = remembered(campaign, channel_of(campaign, referrer), session.campaign)
    return replace(session.widened(row.at_ms), campaign=memory)


def _own_campaign(row: PastRow) -> Campaign | None:
    """The event's own campaign, without what it had from its session."""
    if row.campaign_inherited or not any(own := row[10:16]):
        return None
    source, medium, name, term, content, click_id = own
    return Campaign(
        source=source, medium=medium, campaign=name, term=term, content=content, click_id=click_id
    )
