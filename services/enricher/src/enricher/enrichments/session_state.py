"""What is remembered of one visitor of one website: the live session and the one before it."""

import struct
from dataclasses import dataclass
from typing import Final

INACTIVITY_MS: Final = 30 * 60 * 1000
"""A longer pause than this, by event time, ends a session."""

KEPT_MS: Final = 6 * 60 * 60 * 1000 + INACTIVITY_MS
"""How long a state is kept after the acceptance of the last event that changed it.

It is a rule and no setting: session ids follow from it. Both times are the collectors', so no client moves them.
"""

_SWEEP_SLACK_MS: Final = 30 * 60 * 1000
"""How far the acceptance times of one partition may run back (clocks of several collectors) without any effect."""

_VERSION: Final = 3
_PREFIX: Final = bytes([_VERSION])
_LIVE: Final = struct.Struct(">Bq16sqqqH")
"""Version and acceptance time, and the live session, whose campaign follows."""
_UNOPENED: Final = struct.Struct(">Bq24sqqH")
"""The same as `_LIVE`, with id and start in one."""
_OPENING: Final = struct.Struct(">16sq")
_LIVE_SIZE: Final = _LIVE.size
_PREVIOUS: Final = struct.Struct(">16sqqqH")


# Slots and neither frozen nor tuples: both are made with each event, and these cost half as much to make.


@dataclass(slots=True)
class Session:
    """One session, not to be changed: 16 bytes of id, and Unix times in milliseconds, all of them event times.

    They are of the event that opened it, and of the earliest and the latest event in it. `campaign` is what
    session_campaign.py remembers of them, at most a few hundred bytes, mostly empty.
    """

    id: bytes
    started_at_ms: int
    first_ms: int
    last_ms: int
    campaign: bytes = b""

    def reaches(self, at_ms: int) -> bool:
        """Whether an event at `at_ms` is within the span or at most 30 minutes off it."""
        return self.first_ms - INACTIVITY_MS <= at_ms <= self.last_ms + INACTIVITY_MS

    def widened(self, at_ms: int) -> "Session":
        """The session with an event at `at_ms`; its start stays."""
        if at_ms > self.last_ms:
            return Session(self.id, self.started_at_ms, self.first_ms, at_ms, self.campaign)
        if at_ms < self.first_ms:
            return Session(self.id, self.started_at_ms, at_ms, self.last_ms, self.campaign)
        return self

    def remembering(self, campaign: bytes) -> "Session":
        """The session with another memory."""
        return Session(self.id, self.started_at_ms, self.first_ms, self.last_ms, campaign)


@dataclass(slots=True)
class State:
    """The live session and the one before it, which ended before the live one began (None without one).

    Not to be changed. `accepted_ms` is the latest acceptance time of the events in them.
    """

    live: Session
    previous: Session | None
    accepted_ms: int

    def is_over(self, now_ms: int) -> bool:
        """Whether an event that was accepted at `now_ms` (Unix milliseconds) finds nothing here any more."""
        return now_ms > self.accepted_ms + KEPT_MS


def encode(state: State) -> bytes:
    """The state as it stands in the table: 51 bytes and a campaign, with `previous` 42 more and its campaign."""
    live, previous = state.live, state.previous
    value = _LIVE.pack(_VERSION, state.accepted_ms, *_head(live)) + live.campaign
    return value if previous is None else value + _PREVIOUS.pack(*_head(previous)) + previous.campaign


def _head(session: Session) -> tuple[bytes, int, int, int, int]:
    """The part of a session whose size is known; the campaign follows it."""
    return session.id, session.started_at_ms, session.first_ms, session.last_ms, len(session.campaign)


def decode(value: bytes | None) -> State | None:
    """The state in `value`; None where there is none.

    Bytes of another version count as none: after a rollback a visitor's session begins anew, and no event is refused.
    """
    if value is None or value[:1] != _PREFIX:
        return None
    try:
        _version, accepted_ms, identity, started_at_ms, first_ms, last_ms, length = _LIVE.unpack_from(value)
        end = _LIVE.size + length
        previous = _previous(value, end) if end < len(value) else None
    except struct.error:
        return None
    live = Session(identity, started_at_ms, first_ms, last_ms, value[_LIVE.size : end])
    return State(live, previous, accepted_ms)


def opening(session: Session) -> bytes:
    """Id and start of a session, as they stand in a state: 24 bytes."""
    return _OPENING.pack(session.id, session.started_at_ms)


def read_opening(opening: bytes) -> tuple[bytes, int]:
    """Id and start out of what `opening` gives."""
    identity, started_at_ms = _OPENING.unpack(opening)
    return identity, started_at_ms


def joined(value: bytes | None, at_ms: int, accepted_ms: int) -> tuple[bytes, bytes, bytes] | None:
    """The usual case, without taking the state apart: an event at `at_ms` goes on with the live session or is in it.

    `value` with it, and of the live session the opening and the campaign. None in any other case, also where the state
    is over at `accepted_ms`.
    """
    if value is None or len(value) < _LIVE_SIZE:
        return None
    version, latest_ms, opened, first_ms, last_ms, length = _UNOPENED.unpack_from(value)
    rest = len(value) - _LIVE_SIZE - length
    if (
        version != _VERSION
        or not first_ms <= at_ms <= last_ms + INACTIVITY_MS
        or accepted_ms > latest_ms + KEPT_MS
        or (rest != 0 and rest < _PREVIOUS.size)
    ):
        return None
    tail = value[_LIVE_SIZE:]
    if at_ms > last_ms or accepted_ms > latest_ms:
        if at_ms > last_ms:
            last_ms = at_ms
        if accepted_ms > latest_ms:
            latest_ms = accepted_ms
        value = _UNOPENED.pack(_VERSION, latest_ms, opened, first_ms, last_ms, length) + tail
    return value, opened, tail[:length] if rest else tail


def _previous(value: bytes, place: int) -> Session:
    identity, started_at_ms, first_ms, last_ms, length = _PREVIOUS.unpack_from(value, place)
    begin = place + _PREVIOUS.size
    return Session(identity, started_at_ms, first_ms, last_ms, value[begin : begin + length])


def expired(value: bytes, watermark_ms: int) -> bool:
    """Whether a state may leave memory once `watermark_ms` is the latest acceptance time of its partition.

    The rule itself is State.is_over; this comes later, so that when the memory is swept changes no answer.
    """
    state = decode(value)
    return state is None or state.is_over(watermark_ms - _SWEEP_SLACK_MS)
