"""What is remembered of one visitor of one website: the live session and the one before it."""

import struct
from typing import Final, NamedTuple

INACTIVITY_MS: Final = 30 * 60 * 1000
"""A longer pause than this, by event time, ends a session."""

KEPT_MS: Final = 6 * 60 * 60 * 1000 + INACTIVITY_MS
"""How long a state is kept after the acceptance of the last event that changed it.

It is a rule and no setting: session ids follow from it. Both times are the collectors', so no client moves them.
"""

_SWEEP_SLACK_MS: Final = 30 * 60 * 1000
"""How far the acceptance times of one partition may run back (clocks of several collectors) without any effect."""

_VERSION: Final = 3
_HEAD: Final = struct.Struct(">Bq")
_SESSION: Final = struct.Struct(">16sqqqH")


class Session(NamedTuple):
    """One session: 16 bytes of id, and Unix times in milliseconds, all of them event times.

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
        first_ms, last_ms = min(self.first_ms, at_ms), max(self.last_ms, at_ms)
        return Session(self.id, self.started_at_ms, first_ms, last_ms, self.campaign)


class State(NamedTuple):
    """The live session and the one before it, which ended before the live one began (None without one).

    `accepted_ms` is the latest acceptance time of the events in them.
    """

    live: Session
    previous: Session | None
    accepted_ms: int

    def is_over(self, now_ms: int) -> bool:
        """Whether an event that was accepted at `now_ms` (Unix milliseconds) finds nothing here any more."""
        return now_ms > self.accepted_ms + KEPT_MS


def encode(state: State) -> bytes:
    """The state as it stands in the table: 51 bytes and a campaign, with `previous` 42 more and its campaign."""
    sessions = (state.live,) if state.previous is None else (state.live, state.previous)
    return _HEAD.pack(_VERSION, state.accepted_ms) + b"".join(map(_packed, sessions))


def _packed(session: Session) -> bytes:
    return _SESSION.pack(*session[:4], len(session.campaign)) + session.campaign


def decode(value: bytes | None) -> State | None:
    """The state in `value`; None where there is none.

    Bytes of another version count as none: after a rollback a visitor's session begins anew, and no event is refused.
    """
    if value is None or value[:1] != bytes([_VERSION]):
        return None
    try:
        live, end = _unpacked(value, _HEAD.size)
        previous = _unpacked(value, end)[0] if end < len(value) else None
    except struct.error:
        return None
    return State(live, previous, _HEAD.unpack_from(value)[1])


def _unpacked(value: bytes, place: int) -> tuple[Session, int]:
    identity, started_at_ms, first_ms, last_ms, length = _SESSION.unpack_from(value, place)
    begin = place + _SESSION.size
    end = begin + length
    return Session(identity, started_at_ms, first_ms, last_ms, value[begin:end]), end


def expired(value: bytes, watermark_ms: int) -> bool:
    """Whether a state may leave memory once `watermark_ms` is the latest acceptance time of its partition.

    The rule itself is State.is_over; this comes later, so that when the memory is swept changes no answer.
    """
    state = decode(value)
    return state is None or state.is_over(watermark_ms - _SWEEP_SLACK_MS)
