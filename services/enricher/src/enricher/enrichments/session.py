"""The visit: events of one visitor with pauses of at most 30 minutes, by event time.

Events are applied in the order of their arrival, and the state holds one session per website and visitor, the live one:

- An event less than or exactly 30 minutes before, within or after the live session's span joins it and widens the span.
- A later event begins a new session, which is live from then on.
- An older event gets a past session of its own and leaves the live one as it is.

A session's id follows from website, visitor and the event that opened it, and never changes once published. Nor
does its start, the event time of the event that opened it, also when an earlier event joins late. A replay that finds
the state as it was gives the same ids. One that finds it ahead gives them to the events of the live session and to
those that opened a session; a later event of an older session then gets a past session of its own.
"""

import struct
from typing import Final, NamedTuple

from enricher.draft import Draft
from enricher.enrichments.fingerprint import fingerprint
from enricher.world import World

INACTIVITY_MS: Final = 30 * 60 * 1000

_KEY: Final = b"session.key.v1"
_ID: Final = b"session.id.v1"
_VERSION: Final = 1
_STATE: Final = struct.Struct(">B16sqqq")


class Session(NamedTuple):
    """One session: 16 bytes of id, and Unix times in milliseconds, all of them event times.

    They are of the event that opened it, and of the earliest and the latest event in it.
    """

    id: bytes
    started_at_ms: int
    first_ms: int
    last_ms: int


def add_session(draft: Draft, world: World) -> None:
    """`session_id` and `session_started_at_ms`; none where there is no visitor. Puts the visitor's new state."""
    event = draft.event
    if not event.visitor_id:
        return
    at_ms = event.timestamp_ms
    website, visitor = event.website_id.encode(), event.visitor_id.encode()
    key = fingerprint(_KEY, website, visitor)
    live = decode(world.sessions.get(key))
    if live is not None and _joins(live, at_ms):
        session = _widened(live, at_ms)
    else:
        session = _opened(fingerprint(_ID, website, visitor, event.event_id.encode()), at_ms)
    if session != live and not _is_past(session, live):
        world.sessions.put(key, encode(session))
    event.session_id = id_text(session.id)
    event.session_started_at_ms = session.started_at_ms


def _joins(live: Session, at_ms: int) -> bool:
    return live.first_ms - INACTIVITY_MS <= at_ms <= live.last_ms + INACTIVITY_MS


def _widened(live: Session, at_ms: int) -> Session:
    return Session(live.id, live.started_at_ms, min(live.first_ms, at_ms), max(live.last_ms, at_ms))


def _opened(digest: bytes, at_ms: int) -> Session:
    return Session(_uuid8(digest), at_ms, at_ms, at_ms)


def _is_past(session: Session, live: Session | None) -> bool:
    return live is not None and session.last_ms < live.first_ms


def _uuid8(digest: bytes) -> bytes:
    # RFC 9562 section 5.8: version 8 and the variant; the other 122 bits are the digest's.
    return b"%b%c%b%c%b" % (
        digest[:6], digest[6] & 0x0F | 0x80, digest[7:8], digest[8] & 0x3F | 0x80, digest[9:]
    )  # fmt: skip


def id_text(id_bytes: bytes) -> str:
    """16 bytes as the text form of a UUID, lower case, 36 characters."""
    text = id_bytes.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def encode(session: Session) -> bytes:
    """The state as it stands in the table: version, id, three times, 41 bytes."""
    return _STATE.pack(_VERSION, *session)


def decode(value: bytes | None) -> Session | None:
    """The session in a state; None where there is none.

    Bytes of another version count as none: after a rollback a visitor's session begins anew, and no event is refused.
    """
    if value is None or len(value) != _STATE.size or value[0] != _VERSION:
        return None
    return Session(*_STATE.unpack(value)[1:])


def expired(value: bytes, watermark_ms: int) -> bool:
    """Whether a state can be dropped once event time has reached `watermark_ms`: no event at or after it can join.

    The caller takes off the watermark what it grants to late events.
    """
    session = decode(value)
    return session is None or session.last_ms + INACTIVITY_MS < watermark_ms
