"""The visit: events of one visitor with pauses of at most 30 minutes, by event time. docs/sessions.md tells why.

Events are applied in the order of their arrival. The state holds the live session and the one before it:

- An event within the live session's span, or at most 30 minutes off it, joins it and widens the span.
- A later event begins a new session, which is live from then on.
- An event before the live session that is in reach of the one before joins that one, also where it is in reach of
  both: a bridging event joins the earlier session and merges nothing.
- An older event gets a past session of its own and leaves the state as it is.

A session's id follows from website, visitor and the event that opened it, with its time, and from whether it is a past
one; it never changes once published. Nor does its start, the event time of the event that opened it, also when an
earlier event joins late.

A visitor id that is a hash changes at midnight. As long as nothing began under today's id, the state under yesterday's
counts, and an event that joins a session of it, within 24 h of its start, keeps yesterday's id.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from enricher.draft import Draft, Raw
from enricher.enrichments.fingerprint import fingerprint
from enricher.enrichments.session_campaign import remembered
from enricher.enrichments.session_state import (
    INACTIVITY_MS,
    Session,
    State,
    decode,
    encode,
    joined,
    opening,
    read_opening,
)
from enricher.fragments import fragment
from enricher.lookups.salts import SaltMissing
from enricher.lookups.visitors import Visitor, known_visitor, state_key, visitor_of
from enricher.world import SessionStore, World
from eventrail.clock import MS_PER_DAY, utc_day

_ID: Final = b"session.id.v2"


class _Place(Enum):
    """Where an event goes."""

    LIVE = auto()
    PREVIOUS = auto()
    NEW = auto()
    PAST = auto()


# To look a member up in its class costs as much as all that is done with it here.
_LIVE, _PREVIOUS, _NEW, _PAST = _Place


@dataclass(slots=True)
class _Seat:
    """What is known of one visitor id: its key in the store, the value there, and its state while that lasts."""

    visitor_id: str
    key: bytes
    value: bytes | None
    state: State | None


def add_session(draft: Draft, world: World) -> None:
    """`session`: whose, its id and its start; none where there is no visitor. Puts the visitor's new state.

    Sets `visitor_id` to that of yesterday where a session of yesterday goes on.
    """
    if draft.visitor_id and not _goes_on(draft, world.sessions):
        add_any_session(draft, world)


def _goes_on(draft: Draft, store: SessionStore) -> bool:
    """Whether the event joined the live session and changed nothing of it but its end: what most events do."""
    raw = draft.raw
    visitor = known_visitor(raw.website_id, draft.visitor_id)
    before = store.get(visitor.state_key)
    found = joined(before, raw.timestamp_ms, raw.received_at_ms)
    if found is None:
        return False
    after, opened, campaign = found
    if remembered(draft.campaign, draft.channel, campaign) != campaign:
        return False
    if after != before:
        store.put(visitor.state_key, after)
    draft.visitor = visitor
    draft.session = _written(visitor, opened)
    draft.session_campaign = campaign
    return True


def add_any_session(draft: Draft, world: World) -> None:
    """What `add_session` does for an event with a visitor, in every case."""
    raw = draft.raw
    at_ms, accepted_ms = raw.timestamp_ms, raw.received_at_ms
    visitor = known_visitor(raw.website_id, draft.visitor_id)
    seat = today = _seat(draft.visitor_id, visitor.state_key, accepted_ms, world.sessions)
    if today.state is None:
        seat = _seat_of_yesterday(draft, world) or today
    place = _place(seat.state, at_ms, None if seat is today else MS_PER_DAY)
    if seat is not today:
        if place in (_NEW, _PAST):
            seat = today
        else:
            visitor = visitor_of(raw.website_id, seat.visitor_id)
            draft.visitor_id = seat.visitor_id
    session = _session(place, seat, raw)
    campaign = remembered(draft.campaign, draft.channel, session.campaign)
    if campaign != session.campaign:
        session = session.remembering(campaign)
    _put(world.sessions, seat, _state(place, seat.state, session, accepted_ms))
    draft.visitor = visitor
    draft.session = _written(visitor, opening(session))
    draft.session_campaign = campaign


def _seat(visitor_id: str, key: bytes, accepted_ms: int, store: SessionStore) -> _Seat:
    value = store.get(key)
    state = decode(value)
    return _Seat(visitor_id, key, value, None if state is None or state.is_over(accepted_ms) else state)


def _seat_of_yesterday(draft: Draft, world: World) -> _Seat | None:
    """What is known of the same person under yesterday's visitor id; None where nothing is or can be."""
    raw, accepted_ms = draft.raw, draft.raw.received_at_ms
    if raw.visitor_id or draft.address is None:
        return None
    try:
        ids = world.salts.visitors(utc_day(accepted_ms) - 1)
    except SaltMissing:
        # No event of yesterday can have been done here without it, so there is nothing to be found.
        return None
    if ids is None:
        return None
    visitor_id = ids.of(raw.website_id, draft.address, raw.user_agent)
    seat = _seat(visitor_id, state_key(raw.website_id, visitor_id), accepted_ms, world.sessions)
    return seat if seat.state else None


def _place(state: State | None, at_ms: int, longest_ms: int | None) -> _Place:
    """Where an event at `at_ms` goes; it joins no session that began `longest_ms` or more before it."""
    if state is None:
        return _NEW
    live, previous = state.live, state.previous
    if at_ms > live.last_ms + INACTIVITY_MS:
        return _NEW
    if at_ms < live.first_ms and previous is not None and previous.reaches(at_ms):
        return _PAST if _too_long(previous, at_ms, longest_ms) else _PREVIOUS
    if live.reaches(at_ms):
        return _NEW if _too_long(live, at_ms, longest_ms) else _LIVE
    return _PAST


def _too_long(session: Session, at_ms: int, longest_ms: int | None) -> bool:
    return longest_ms is not None and at_ms - session.started_at_ms >= longest_ms


def _session(place: _Place, seat: _Seat, raw: Raw) -> Session:
    state, at_ms = seat.state, raw.timestamp_ms
    if state and place is _LIVE:
        return state.live.widened(at_ms)
    if state and state.previous and place is _PREVIOUS:
        return state.previous.widened(at_ms)
    digest = fingerprint(_ID, raw.website_id.encode(), seat.visitor_id.encode(), raw.event_id.encode())
    return Session(_uuid8(at_ms, digest, past=place is _PAST), at_ms, at_ms, at_ms)


def _state(place: _Place, before: State | None, session: Session, accepted_ms: int) -> State | None:
    """The state behind an event that went to `place`."""
    if place is _PAST:
        return before
    if before is None:
        return State(session, None, accepted_ms)
    accepted_ms = max(before.accepted_ms, accepted_ms)
    if place is _PREVIOUS:
        return State(before.live, session, accepted_ms)
    return State(session, before.live if place is _NEW else before.previous, accepted_ms)


def _put(store: SessionStore, seat: _Seat, state: State | None) -> None:
    if state is not None and (value := encode(state)) != seat.value:
        store.put(seat.key, value)


def is_past(id_bytes: bytes) -> bool:
    """Whether a session was opened as a past one, which no state knows: the last bit of its id says so.

    Rows must tell it by themselves, because a visitor's id of yesterday and that of today cannot be linked.
    """
    return bool(id_bytes[15] & 1)


def _uuid8(started_at_ms: int, digest: bytes, *, past: bool) -> bytes:
    """The start in 48 bits, then 39 bits of the digest, and nothing else, so that rows with it stay small.

    Two sessions of one website that begin in the same millisecond have the same id once in 5 * 10**11 times.
    """
    # RFC 9562 section 5.8: version 8 and the variant; the other 122 bits are ours.
    return b"%b\x80\0\x80\0\0%b%c" % (started_at_ms.to_bytes(6), digest[:4], digest[4] & 0xFE | past)


def _written(visitor: Visitor, opening: bytes) -> bytes:
    """Whose session it is, its id and its start."""
    if visitor.opening != opening:
        identity, started_at_ms = read_opening(opening)
        visitor.session = fragment(
            website_id=visitor.website_id,
            visitor_id=visitor.visitor_id,
            session_id=id_text(identity),
            session_started_at_ms=started_at_ms,
        )
        visitor.opening = opening
    return visitor.session


def id_text(id_bytes: bytes) -> str:
    """16 bytes as the text form of a UUID, lower case, 36 characters."""
    text = id_bytes.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
