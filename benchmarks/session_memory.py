"""Memory of session states: `python -m benchmarks.session_memory VISITORS SESSIONS_EACH` prints bytes per visitor.

The states are made by the session step, checkpoints included, and looked after as a worker does: each second of 5,000
events, and once around all of them when everything is committed.
"""

import os
import sys
from pathlib import Path

from enricher.checkpoints import added
from enricher.draft import Draft, read
from enricher.enrichments.session import add_session
from enricher.enrichments.session_state import expired
from enricher.sessions import AsOf, Overlay, Sessions
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import Campaign
from eventrail.contract.v1.raw_pb2 import RawEvent

START_MS = 1_780_056_000_000
ONE_IN_A_CAMPAIGN = 4
ROUND = 300
EACH_LOOK = 5_000
"""Events between two looks of a worker, and those that are not committed then."""


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def visit(sessions: Sessions, visitor: int, offset: int, at_ms: int) -> None:
    """One event of a visitor, as a worker does it: on top of the checkpoints, in a record of its own."""
    raw = RawEvent(
        website_id="shop",
        event_id=f"00000000-0000-7000-8000-{offset:012x}",
        visitor_id=f"{visitor:032x}",
        timestamp_ms=at_ms,
        received_at_ms=at_ms,
    )
    draft = Draft(read(raw), b"", visitor_id=raw.visitor_id, channel="Direct")
    if visitor % ONE_IN_A_CAMPAIGN == 0:
        draft.channel = "Email"
        draft.campaign = Campaign(source="newsletter", medium="email", campaign="spring-2026")
    held = sessions.of(0)
    overlay = Overlay(AsOf(held.states, offset))
    world = World(None, None, None, None, overlay)  # type: ignore[arg-type] # the step asks for nothing else
    add_session(draft, world)
    for key, state in overlay.written.items():
        held.put(key, added(held.states.get(key), offset, state, offset - EACH_LOOK))
    held.passed(offset + 1, at_ms, list(overlay.written))


def main(visitors: int, sessions_each: int) -> None:
    """Fill the memory, sweep it as a worker does, and print what it takes."""
    before, sessions, offset = resident(), Sessions(), 0
    for number in range(sessions_each):
        for again in range(2):
            for visitor in range(visitors):
                visit(sessions, visitor, offset, START_MS + number * 3_600_000 + again * 60_000)
                offset += 1
                if offset % EACH_LOOK == 0:
                    sessions.sweep(expired, {0: offset - EACH_LOOK})
    loaded = resident() - before
    for _ in range(ROUND):
        sessions.sweep(expired, {0: offset})
    values = sum(map(len, sessions.of(0).states.values()))
    print(
        f"{visitors:,} visitors, {sessions_each} session(s) of two events: {values / visitors:.0f} bytes of value, "
        f"{loaded / visitors:.0f} bytes of memory per visitor, {(resident() - before) / visitors:.0f} when swept"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3] or ("200000", "1")))
