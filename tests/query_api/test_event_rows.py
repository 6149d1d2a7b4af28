"""Rows, sessions and timelines on the real engine: pages cover all events once and in order, whatever is written."""

import json
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest
import pytest_asyncio
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventrail.clock import ManualClock
from query_api.settings import QueryApiSettings
from tests.query_api.stored import (
    AFTER_MS,
    FIRST_MS,
    NIL,
    PERIOD,
    SESSION,
    Copy,
    insert,
    instant,
    serving,
    winners,
)

pytestmark = pytest.mark.stack

WALKS = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
NAMES = ["purchase", "o'clock", "%s {x} \\", "\u00e9\u2028", "x" * 255]


@pytest.fixture(scope="module")
def table(events_database: str) -> Iterator[Client]:
    client = Client.from_url(events_database)
    yield client
    client.disconnect()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(events_database: str, table: Client) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(events_database, QueryApiSettings()) as made:
        yield made


@st.composite
def copies_of_an_event(draw: st.DrawFn) -> list[Copy]:
    """Copies with one identity and different versions; they agree on the time, as copies of a client's event do."""
    kind = draw(st.sampled_from(["custom", "custom", "pageview"]))
    # Few moments and ids, so that pages break between events that differ in the last part of the order only.
    event = Copy(
        event_name=draw(st.sampled_from(NAMES)) if kind == "custom" else "",
        event_id=uuid.UUID(int=draw(st.sampled_from([1, 2, 2**64, 2**64 + 1, 2**127, 2**128 - 1]))),
        timestamp=draw(
            st.sampled_from([FIRST_MS - 1, FIRST_MS, FIRST_MS + 1, FIRST_MS + 2, AFTER_MS - 1, AFTER_MS])
        ),
        event_type=kind,
        identity_day=date(2026, 2, draw(st.integers(1, 3))),
        session_id=draw(st.sampled_from([NIL, SESSION, uuid.UUID(int=7)])),
        visitor_id=draw(st.sampled_from(["", "user-42", "a/b c"])),
    )
    versions = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True))
    return [
        replace(
            event,
            version=version,
            path=draw(st.sampled_from(["/", "/a", "/b"])),
            country=draw(st.sampled_from(["", "DE", "FR"])),
            bot_kind=draw(st.sampled_from(["none", "none", "none", "crawler"])),
            received_at=FIRST_MS + draw(st.integers(0, 60)) * 86_400_000,
        )
        for version in versions
    ]


events = st.lists(copies_of_an_event(), max_size=25, unique_by=lambda copies: copies[0].identity)


async def ask(api: httpx.AsyncClient, website: str, what: str, **parameters: Any) -> Any:
    answer = await api.get(f"/api/websites/{website}/{what}", params={**PERIOD, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def walk(api: httpx.AsyncClient, website: str, what: str, **parameters: Any) -> AsyncIterator[Any]:
    """All pages, one by one; not more of them than there can be."""
    cursor: dict[str, str] = {}
    for _ in range(100):
        page = await ask(api, website, what, **parameters, **cursor)
        yield page
        if page["meta"]["next_cursor"] is None:
            return
        cursor = {"cursor": page["meta"]["next_cursor"]}
    raise AssertionError("the walk has no end")


def among(copies: Sequence[Copy], **facts: Any) -> list[Copy]:
    """Events of the period that are not crawlers', oldest first; `facts` are what they all have."""
    found = [
        copy
        for copy in winners(copies)
        if FIRST_MS <= copy.timestamp < AFTER_MS
        and copy.bot_kind != "crawler"
        and all(getattr(copy, name) == value for name, value in facts.items())
    ]
    return sorted(found, key=lambda copy: copy.order)


def told(rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (row["event_id"], row["event_name"], row["identity_day"], row["timestamp"], row["path"], row["country"])
        for row in rows
    ]  # fmt: skip


def expected(copies: Sequence[Copy]) -> list[tuple[Any, ...]]:
    return [
        (
            str(copy.event_id), copy.event_name or None, str(copy.identity_day), instant(copy.timestamp),
            copy.path, copy.country or None,
        )
        for copy in copies
    ]  # fmt: skip


@WALKS
@given(made=events, limit=st.integers(1, 7), order=st.sampled_from(["newest", "oldest"]), data=st.data())
async def test_pages_cover_all_rows_once_and_in_order(
    made: list[list[Copy]], limit: int, order: str, data: st.DataObject, api: httpx.AsyncClient, table: Client
) -> None:
    website = uuid.uuid4().hex
    copies = [copy for one in made for copy in one]
    insert(table, website, copies)
    insert(table, uuid.uuid4().hex, copies)  # another website's
    filters = data.draw(st.sampled_from([{}, {"country": "DE"}, {"path": "/a"}]))
    facts = among(copies, **filters)
    if order == "newest":
        facts.reverse()
    found: list[dict[str, Any]] = []
    async for page in walk(api, website, "events/rows", limit=str(limit), order=order, **filters):
        found += page["data"]
    assert told(found) == expected(facts)


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_pages_break_between_events_of_one_id_and_moment(
    order: str, api: httpx.AsyncClient, table: Client
) -> None:
    one = uuid.uuid4()
    copies = [
        Copy(event_name=name, event_id=one, identity_day=date(2026, 2, day))
        for name in "ab"
        for day in (2, 3)
    ]
    insert(table, f"one-{order}", copies)
    found: list[dict[str, Any]] = []
    async for page in walk(api, f"one-{order}", "events/rows", limit="1", order=order):
        found += page["data"]
    assert told(found) == expected(sorted(copies, key=lambda copy: copy.order, reverse=order == "newest"))


@WALKS
@given(made=events, others=st.lists(events, min_size=3, max_size=3), limit=st.integers(1, 5))
async def test_what_arrives_during_a_walk_shifts_nothing(
    made: list[list[Copy]],
    others: list[list[list[Copy]]],
    limit: int,
    api: httpx.AsyncClient,
    table: Client,
) -> None:
    website = uuid.uuid4().hex
    copies = [copy for one in made for copy in one]
    insert(table, website, copies)
    ours = {copy.identity for copy in copies}
    found: list[dict[str, Any]] = []
    async for page in walk(api, website, "events/rows", limit=str(limit), event_type="any"):
        found += page["data"]
        if others:
            arrived = [copy for one in others.pop() for copy in one if copy.identity not in ours]
            # Copies of events that are there, too: they lose, and tell other facts.
            late = [replace(copy, version=0, path="/late") for copy in copies]
            insert(table, website, arrived + late)
    seen = [row for row in told(found) if row in set(expected(among(copies)))]
    assert seen == expected(among(copies)[::-1])
    assert len(told(found)) == len(set(told(found)))


@WALKS
@given(made=events, limit=st.integers(1, 3), order=st.sampled_from(["newest", "oldest"]))
async def test_sessions_are_told_from_all_their_events(
    made: list[list[Copy]], limit: int, order: str, api: httpx.AsyncClient, table: Client
) -> None:
    website = uuid.uuid4().hex
    copies = [copy for one in made for copy in one]
    insert(table, website, copies)
    found: list[dict[str, Any]] = []
    async for page in walk(api, website, "sessions", limit=str(limit), order=order, country="DE"):
        found += page["data"]
    sessions = {copy.session_id: among(copies, session_id=copy.session_id) for copy in among(copies)}
    fitting = [
        events
        for session, events in sessions.items()
        if session != NIL and any(event.country == "DE" for event in events)
    ]
    fitting.sort(
        key=lambda events: (
            events[0].timestamp,
            replace(events[0], event_id=events[0].session_id).order[1:3],
        ),
        reverse=order == "newest",
    )
    assert [one_of(session) for session in found] == [expected_session(events) for events in fitting]


def by_engine(one: uuid.UUID) -> tuple[int, int]:
    """The engine orders UUIDs by their second half first."""
    high, low = divmod(one.int, 1 << 64)
    return low, high


def one_of(session: dict[str, Any]) -> dict[str, Any]:
    names = [*expected_session([Copy()])]
    return {name: session[name] for name in names}


def expected_session(events: Sequence[Copy]) -> dict[str, Any]:
    pages = [event for event in events if event.event_type == "pageview"]
    names = {event.event_name for event in events if event.event_type == "custom"}
    return {
        "session_id": str(events[0].session_id),
        "visitor_id": events[0].visitor_id or None,
        "started": instant(events[0].timestamp),
        "ended": instant(events[-1].timestamp),
        "duration_ms": events[-1].timestamp - events[0].timestamp,
        "events": len(events),
        "pageviews": len(pages),
        "event_names": sorted(names, key=str.encode),
        "entry_page": pages[0].path if pages else None,
        "exit_page": pages[-1].path if pages else None,
        "country": events[0].country or None,
    }


@WALKS
@given(made=events, limit=st.integers(1, 4))
async def test_one_session_and_one_visitor_event_by_event(
    made: list[list[Copy]], limit: int, api: httpx.AsyncClient, table: Client
) -> None:
    website = uuid.uuid4().hex
    copies = [copy for one in made for copy in one]
    insert(table, website, copies)
    of_session: list[dict[str, Any]] = []
    session = None
    async for page in walk(api, website, f"sessions/{SESSION}", limit=str(limit)):
        of_session += page["data"]["events"]
        session = page["data"]["session"]
    facts = among(copies, session_id=SESSION)
    assert told(of_session) == expected(facts)
    assert (session and one_of(session)) == (expected_session(facts) if facts else None)
    of_visitor: list[dict[str, Any]] = []
    async for page in walk(api, website, "visitors/a%2Fb%20c", limit=str(limit)):
        of_visitor += page["data"]
        assert page["meta"]["visitor_source"] == (["client"] if page["data"] else [])
    assert told(of_visitor) == expected(among(copies, visitor_id="a/b c")[::-1])


async def test_a_row_has_all_facts_and_the_properties_as_they_were_sent(
    api: httpx.AsyncClient, table: Client
) -> None:
    sent = '{"plan":"pro","amount":49.90,"big":12345678901234567890,"a.b":{"":[1,null]},"e":1e999,\n"u":"\\ud83d"}'
    insert(table, "facts", [Copy(event_data=sent, session_id=NIL, session_started_at=0)])
    answer = await api.get("/api/websites/facts/events/rows", params=PERIOD)
    assert answer.headers["content-type"] == "application/json"
    assert sent.replace("\n", " ") in answer.text
    (row,) = answer.json()["data"]
    assert row["properties"] == json.loads(sent)
    assert (row["session_id"], row["session_started_at"], row["screen"]) == (None, None, None)
    assert (row["visitor_source"], row["campaign_inherited"], row["bot"]) == ("client", False, None)


async def test_properties_filter_rows_too(api: httpx.AsyncClient, table: Client) -> None:
    copy = Copy(properties=(("plan", "pro"),))
    insert(table, "props", [copy, Copy(properties=(("plan", "free"),))])
    page = await ask(api, "props", "events/rows", **{"prop.plan": "pro"})
    assert [row["event_id"] for row in page["data"]] == [str(copy.event_id)]


async def test_a_walk_over_a_default_period_goes_on_behind_midnight(
    events_database: str, table: Client
) -> None:
    clock = ManualClock(unix_ms=AFTER_MS - 1)
    insert(table, "midnight", [Copy(timestamp=AFTER_MS - 2 - n) for n in range(3)])
    async with serving(events_database, QueryApiSettings(), clock) as api:
        path = "/api/websites/midnight/events/rows"
        first = (await api.get(path, params={"limit": "2"})).json()
        clock.advance(60)
        insert(table, "midnight", [Copy(timestamp=AFTER_MS + 1)])
        cursor = first["meta"]["next_cursor"]
        second = (await api.get(path, params={"limit": "2", "cursor": cursor})).json()
    assert (len(first["data"]), len(second["data"])) == (2, 1)
    assert second["meta"]["period"] == first["meta"]["period"]
    assert second["meta"]["next_cursor"] is None
