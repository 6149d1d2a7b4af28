"""What is written to the stream: messages of server-sent events (WHATWG HTML, section "Server-sent events"). Pure.

The framing is FastAPI's; what is said stands in docs/live.md.
"""

import json
from typing import Final

from fastapi.sse import format_sse_event

RETRY_MS: Final = 2_000
"""How long a client should wait before it connects again."""

RESET_REASONS: Final = {
    "damaged": "the Last-Event-ID is no id of this stream",
    "expired": "what came after the Last-Event-ID is not in memory any more; ask /events for it",
    "unknown": "the Last-Event-ID is of another topic, or from the future of this one",
    "gap": "records were removed from the topic before they were read; ask /events for them",
}


def opening() -> bytes:
    """The first bytes of each stream."""
    return format_sse_event(comment="eventrail live", retry=RETRY_MS)


def event(text: str, position: str) -> bytes:
    """One event, as JSON text on one line."""
    return format_sse_event(event="event", id=position, data_str=text)


def heartbeat(position: str) -> bytes:
    """Nothing happened; the id moves on all the same, and clients dispatch no event for it."""
    return format_sse_event(comment="heartbeat", id=position)


def reset(reason: str, position: str) -> bytes:
    """Events may be missing before this: the client's id could not be gone on from."""
    data = json.dumps({"reason": reason, "message": RESET_REASONS[reason]})
    return format_sse_event(event="reset", id=position, data_str=data)


def lagged(dropped: int, position: str) -> bytes:
    """The client was too slow: up to `dropped` records of its website have left the memory unread."""
    return format_sse_event(
        event="lagged", id=position, data_str=json.dumps({"dropped": dropped, "id": position})
    )


def waiting(reason: str) -> bytes:
    """Nothing comes for now; the stream goes on by itself."""
    return format_sse_event(event="waiting", data_str=json.dumps({"reason": reason}))
