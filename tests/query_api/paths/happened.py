"""Events of a few visitors as plain Python, as copies in the table, and as hypothesis draws them."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from clickhouse_driver import Client
from hypothesis import strategies as st

from eventrail.rows.stored import SEPARATOR

BASE_MS = int(datetime(2026, 3, 4, 22, 30, tzinfo=UTC).timestamp() * 1000)
NOW_MS = BASE_MS + 20 * 86_400_000
NIL = uuid.UUID(int=0)

COLUMNS = (
    "website_id, event_name, identity_day, event_id_high, event_id_low, event_type, timestamp_offset, copy_rank, "
    "visitor_id, visitor_source, session_id, path, place, property_keys, property_types, property_values, "
    "raw_offset, raw_index"
)
DAY = datetime(2026, 3, 4, tzinfo=UTC).date()
"""The identity day of all events: the client may have been wrong about the time by any amount."""

DAY_MS = int(datetime(2026, 3, 4, tzinfo=UTC).timestamp() * 1000)
RANK = 2**47 - 1
"""Rank of a copy that was accepted when its day began; 2**48 more is one revision more."""


@dataclass(frozen=True)
class Event:
    """One event; a name for a custom event, a path for a page view (a custom event may have a path as well)."""

    at_ms: int
    name: str = ""
    path: str = ""
    visitor: str = ""
    source: str = "client"
    session: uuid.UUID = NIL
    country: str = ""
    plan: str | None = None
    offset: int = 0
    index: int = 0

    @property
    def is_page(self) -> bool:
        return self.name == ""


def moment(unix_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=unix_ms)


def row(website: str, event: Event, event_id: uuid.UUID, version: int) -> tuple[Any, ...]:
    properties = [] if event.plan is None else [("plan", "string", event.plan)]
    return (
        website,
        event.name,
        DAY,
        event_id.int >> 64,
        event_id.int % 2**64,
        "pageview" if event.is_page else "custom",
        event.at_ms - DAY_MS,
        (version << 48) + RANK,
        event.visitor,
        event.source if event.visitor else "none",
        event.session,
        event.path,
        SEPARATOR.join((event.country, "", "")),
        [key for key, _, _ in properties],
        [type_ for _, type_, _ in properties],
        [text for _, _, text in properties],
        event.offset,
        event.index,
    )


def insert(table: Client, events: Sequence[Event]) -> str:
    """A website of its own with `events`, each as a lower version that differs and, in another part, as it is."""
    website = f"w{uuid.uuid4().hex}"
    ids = [uuid.uuid4() for _ in events]
    earlier = [
        row(website, replace(event, at_ms=event.at_ms + 7, visitor="another"), event_id, 1)
        for event, event_id in zip(events[::2], ids[::2], strict=True)
    ]
    winners = [row(website, event, event_id, 2) for event, event_id in zip(events, ids, strict=True)]
    for block in (winners, earlier + winners[:1]):
        if block:
            table.execute(f"INSERT INTO events ({COLUMNS}) VALUES", block)
    return website


async def post(api: httpx.AsyncClient, website: str, what: str, question: dict[str, Any]) -> Any:
    """The whole answer."""
    body = {"start_date": "2026-03-01", "end_date": "2026-03-24", **question}
    answer = await api.post(f"/api/websites/{website}/{what}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


Fits = Callable[[Event], bool]

HAPPENINGS: dict[str, tuple[dict[str, Any], Fits]] = {
    "a": ({"event_name": "a"}, lambda event: event.name == "a"),
    "b": ({"event_name": "b"}, lambda event: event.name == "b"),
    "pro": (
        {"event_name": "a", "filters": [{"field": "prop.plan", "values": ["pro"]}]},
        lambda event: event.name == "a" and event.plan == "pro",
    ),
    "page": ({"page": "/x"}, lambda event: event.is_page and event.path == "/x"),
    "below": ({"page": "/x*"}, lambda event: event.is_page and event.path.startswith("/x")),
    "german": (
        {"page": "/*", "filters": [{"field": "country", "operator": "not", "values": ["FR"]}]},
        lambda event: event.is_page and event.path.startswith("/") and event.country != "FR",
    ),
}
"""What a caller may mean, in words of the API and of Python."""

SESSIONS = [uuid.UUID(int=number) for number in (1, 2, 3)]


@st.composite
def events(draw: st.DrawFn, stamps: st.SearchStrategy[int], most: int = 14) -> list[Event]:
    """Events of a few visitors and sessions, many of them in the same millisecond, some of nobody."""
    made = []
    for _ in range(draw(st.integers(0, most))):
        page = draw(st.booleans())
        visitor, source = draw(
            st.sampled_from(
                [("ann", "client"), ("ben", "client"), ("0f3a", "hash"), ("0f3b", "hash"), ("", "none")]
            )
        )
        made.append(
            Event(
                draw(stamps),
                "" if page else draw(st.sampled_from("aab")),
                draw(st.sampled_from(["/x", "/x/y", "/", "/z"])),
                visitor,
                source,
                draw(st.sampled_from(SESSIONS)) if visitor else NIL,
                draw(st.sampled_from(["DE", "FR", ""])),
                draw(st.sampled_from(["pro", "free", None])),
                draw(st.integers(5, 6)),
                draw(st.integers(0, 1)),
            )
        )
    return made


def share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def left_out(found: Iterable[Event], begins: Fits) -> dict[str, Any]:
    """`meta.left_out` of an answer that follows the ids of clients."""
    first = [event for event in found if begins(event)]
    hashed = {event.visitor for event in first if event.visitor and event.source != "client"}
    followed = {event.visitor for event in first if event.source == "client" and event.visitor}
    lost = [event for event in first if not event.visitor or event.source != "client"]
    return {
        "reason": "hashed_visitor_ids",
        "visitors": len(hashed),
        "share": share(len(hashed), len(hashed | followed)),
        "events": len(lost),
        "events_share": share(len(lost), len(first)),
    }
