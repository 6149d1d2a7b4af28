from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from itertools import pairwise
from typing import NamedTuple
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.enrichments.session import add_any_session, add_session, is_past
from enricher.enrichments.session_state import INACTIVITY_MS, KEPT_MS
from enricher.enrichments.visitor import add_visitor
from enricher.lookups.salts import DaySalts
from enricher.world import MemorySessionStore, World
from eventrail.clock import MS_PER_DAY, utc_day
from eventrail.contract.v1.enriched_pb2 import Campaign
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.sealing import Address
from tests.enricher.drafts import draft_of, event_of

MINUTE = 60_000
START = 1_780_056_000_000

Found = tuple[str, int]
"""Session id and start of one event."""

Visit = tuple[str, int, int]
"""Visitor, event time and number of one event."""


def visit(
    world: World,
    at_ms: int,
    number: int,
    visitor: str = "alice",
    website: str = "shop",
    accepted_ms: int | None = None,
) -> Found:
    raw = RawEvent(
        website_id=website,
        event_id=f"00000000-0000-7000-8000-{number:012x}",
        visitor_id=visitor,
        timestamp_ms=at_ms,
        received_at_ms=START if accepted_ms is None else accepted_ms,
    )
    draft = draft_of(raw, visitor_id=visitor)
    add_session(draft, world)
    event = event_of(draft)
    return event.session_id, event.session_started_at_ms


@pytest.fixture(scope="session")
def fresh() -> Callable[..., World]:
    """A world that holds nothing but a session store, by default an empty one."""

    def make(values: dict[bytes, bytes] | None = None) -> World:
        store = MemorySessionStore({} if values is None else values)
        return World(None, None, None, None, store)  # type: ignore[arg-type]

    return make


def store_of(world: World) -> dict[bytes, bytes]:
    assert isinstance(world.sessions, MemorySessionStore)
    return world.sessions.values


# --- the rule, event by event


@pytest.mark.parametrize("pause", [0, 1, 29 * MINUTE, INACTIVITY_MS])
def test_a_pause_of_up_to_30_minutes_belongs_to_the_session(fresh: Callable[..., World], pause: int) -> None:
    world = fresh()
    assert visit(world, START, 1) == visit(world, START + pause, 2)


def test_a_longer_pause_begins_a_new_session(fresh: Callable[..., World]) -> None:
    world = fresh()
    first, second = visit(world, START, 1), visit(world, START + INACTIVITY_MS + 1, 2)
    assert first[0] != second[0]
    assert (first[1], second[1]) == (START, START + INACTIVITY_MS + 1)


def test_a_session_lasts_as_long_as_pauses_are_short(fresh: Callable[..., World]) -> None:
    world = fresh()
    assert len({visit(world, START + number * INACTIVITY_MS, number) for number in range(100)}) == 1


def test_a_late_event_joins_and_widens_the_session_but_not_its_start(fresh: Callable[..., World]) -> None:
    world = fresh()
    opened = visit(world, START, 1)
    assert visit(world, START - 30 * MINUTE, 2) == opened
    assert visit(world, START - 60 * MINUTE, 3) == opened
    assert visit(world, START + 30 * MINUTE, 4) == opened


def test_an_older_event_gets_its_own_session_and_disturbs_nothing(fresh: Callable[..., World]) -> None:
    world = fresh()
    live = visit(world, START, 1)
    before = dict(store_of(world))
    past = visit(world, START - INACTIVITY_MS - 1, 2)
    assert past[0] != live[0]
    assert past[1] == START - INACTIVITY_MS - 1
    assert store_of(world) == before
    assert visit(world, START + 1, 3) == live
    assert visit(world, START - INACTIVITY_MS - 1, 2) == past


def test_a_bridging_event_joins_the_earlier_session_and_merges_nothing(fresh: Callable[..., World]) -> None:
    world = fresh()
    first = visit(world, START, 1)
    second = visit(world, START + 40 * MINUTE, 2)
    assert visit(world, START + 20 * MINUTE, 3) == first
    assert visit(world, START + 39 * MINUTE, 4) == first
    assert visit(world, START + 41 * MINUTE, 5) == second
    assert visit(world, START + 5 * MINUTE, 6) == first
    assert visit(world, START - 10 * MINUTE, 7) == first


def test_an_event_between_two_sessions_joins_the_one_that_it_reaches(fresh: Callable[..., World]) -> None:
    world = fresh()
    first = visit(world, START, 1)
    second = visit(world, START + 100 * MINUTE, 2)
    assert visit(world, START + 70 * MINUTE, 3) == second
    assert visit(world, START + 30 * MINUTE, 4) == first


def test_an_event_before_all_that_is_remembered_gets_a_session_of_its_own(
    fresh: Callable[..., World],
) -> None:
    world = fresh()
    sessions = [visit(world, START + number * 60 * MINUTE, number) for number in range(3)]
    before = dict(store_of(world))
    lost = visit(world, START + MINUTE, 7)
    assert lost not in sessions
    assert store_of(world) == before


# --- how long a state counts


def test_a_state_counts_for_some_hours_of_acceptance_whatever_the_event_times(
    fresh: Callable[..., World],
) -> None:
    world = fresh()
    years_ago = START - 1000 * MS_PER_DAY
    opened = visit(world, years_ago, 1, accepted_ms=START)
    assert visit(world, years_ago + MINUTE, 2, accepted_ms=START + KEPT_MS) == opened
    assert visit(world, years_ago + 2 * MINUTE, 3, accepted_ms=START + 2 * KEPT_MS) == opened
    assert visit(world, years_ago + 3 * MINUTE, 4, accepted_ms=START + 3 * KEPT_MS + 1) != opened


def test_acceptance_out_of_order_does_not_shorten_it(fresh: Callable[..., World]) -> None:
    world = fresh()
    opened = visit(world, START, 1, accepted_ms=START)
    visit(world, START + 1, 2, accepted_ms=START - 3 * KEPT_MS)
    assert visit(world, START + 2, 3, accepted_ms=START + KEPT_MS) == opened


# --- midnight

ADDRESS = ip_address("192.0.2.1")
MIDNIGHT = (utc_day(START) + 1) * MS_PER_DAY
DAYS = {utc_day(START) + number: bytes([number + 1]) * 32 for number in range(4)}


class Person:
    """Somebody without an id of their own, whose visitor id is a hash that changes at midnight."""

    def __init__(self, salts: DaySalts, address: Address = ADDRESS) -> None:
        self.store = MemorySessionStore()
        self.world = World(None, salts, None, None, self.store)  # type: ignore[arg-type]
        self.address = address
        self.number = 0

    def visit(self, at_ms: int, accepted_ms: int | None = None) -> tuple[str, str]:
        """Visitor id and session id."""
        self.number += 1
        raw = RawEvent(
            website_id="shop",
            event_id=f"00000000-0000-7000-8000-{self.number:012x}",
            timestamp_ms=at_ms,
            received_at_ms=at_ms if accepted_ms is None else accepted_ms,
        )
        draft = draft_of(raw, address=self.address.packed)
        add_visitor(draft, self.world)
        add_session(draft, self.world)
        event = event_of(draft)
        assert draft.visitor is not None
        assert {draft.visitor_id, draft.visitor.visitor_id} == {event.visitor_id}
        return draft.visitor_id, event.session_id


@pytest.fixture
def person() -> Person:
    return Person(DaySalts(DAYS, min(DAYS)))


def test_a_session_that_crosses_midnight_keeps_its_visitor_until_it_ends(person: Person) -> None:
    evening = person.visit(MIDNIGHT - 10 * MINUTE)
    assert person.visit(MIDNIGHT + 20 * MINUTE) == evening
    assert person.visit(MIDNIGHT + 50 * MINUTE) == evening
    visitor, session = person.visit(MIDNIGHT + 81 * MINUTE)
    assert visitor != evening[0]
    assert session != evening[1]
    assert person.visit(MIDNIGHT + 90 * MINUTE) == (visitor, session)


def test_it_keeps_it_for_less_than_24_hours_at_most(person: Person) -> None:
    evening = person.visit(MIDNIGHT - 10 * MINUTE)
    last = MIDNIGHT - 10 * MINUTE + MS_PER_DAY
    for at_ms in range(MIDNIGHT + 10 * MINUTE, last, 20 * MINUTE):
        assert person.visit(at_ms) == evening
    assert person.visit(last - 1) == evening
    after = person.visit(last)
    assert after[0] != evening[0]
    assert after[1] != evening[1]
    assert person.visit(last + 5 * MINUTE) == after


def test_an_older_event_does_not_disturb_a_session_that_crossed_midnight(person: Person) -> None:
    evening = person.visit(MIDNIGHT - 10 * MINUTE)
    older = person.visit(MIDNIGHT - 300 * MINUTE, accepted_ms=MIDNIGHT + MINUTE)
    assert older[0] != evening[0]
    assert older[1] != evening[1]
    assert person.visit(MIDNIGHT + 2 * MINUTE) == evening


def test_what_began_today_counts_before_yesterday(person: Person) -> None:
    evening = person.visit(MIDNIGHT - 10 * MINUTE)
    today = person.visit(MIDNIGHT + 40 * MINUTE)
    assert today[0] != evening[0]
    assert person.visit(MIDNIGHT + 45 * MINUTE) == today
    late = person.visit(MIDNIGHT - 5 * MINUTE, accepted_ms=MIDNIGHT + 46 * MINUTE)
    assert late[0] == today[0]
    assert late[1] not in (today[1], evening[1])


def test_an_event_that_yesterday_accepted_late_stays_with_yesterday(person: Person) -> None:
    evening = person.visit(MIDNIGHT - 10 * MINUTE)
    person.visit(MIDNIGHT + 40 * MINUTE)
    assert person.visit(MIDNIGHT - 1, accepted_ms=MIDNIGHT - 1) == evening


@pytest.mark.parametrize("first_kept", [utc_day(START) + 1, 0])
def test_without_yesterdays_salt_the_day_begins_anew(first_kept: int) -> None:
    salts = DaySalts(DAYS, min(DAYS))
    person = Person(salts)
    evening = person.visit(MIDNIGHT - 10 * MINUTE)
    salts.know({day: salt for day, salt in DAYS.items() if day > min(DAYS)}, first_kept)
    assert person.visit(MIDNIGHT + MINUTE)[0] != evening[0]


def test_a_client_with_an_id_of_its_own_is_the_same_on_all_days(fresh: Callable[..., World]) -> None:
    world = fresh()
    days = range(0, 3 * MS_PER_DAY, 25 * MINUTE)
    assert len({visit(world, START + at, at, accepted_ms=START + at)[0] for at in days}) == 1


def test_websites_and_visitors_have_sessions_of_their_own(fresh: Callable[..., World]) -> None:
    world = fresh()
    found = {
        visit(world, START, 1, visitor, website)[0]
        for visitor in ("alice", "bob", "p")
        for website in ("shop", "sho", "blog")
    }
    assert len(found) == 9
    assert len(store_of(world)) == 9


def test_without_a_visitor_there_is_no_session(fresh: Callable[..., World]) -> None:
    world = fresh()
    assert visit(world, START, 1, visitor="") == ("", 0)
    assert store_of(world) == {}


def test_the_id_is_a_uuid_of_version_8(fresh: Callable[..., World]) -> None:
    for number in range(50):
        text, _ = visit(fresh(), START, number)
        found = UUID(text)
        assert str(found) == text
        assert (found.version, found.variant) == (8, RFC_4122)


def test_an_event_that_changes_nothing_writes_nothing(fresh: Callable[..., World]) -> None:
    world = fresh()
    visit(world, START, 1)

    class ReadOnly(MemorySessionStore):
        def put(self, key: bytes, value: bytes) -> None:
            raise AssertionError((key, value))

    assert visit(replace(world, sessions=ReadOnly(store_of(world))), START, 1) == visit(world, START, 1)


# --- against slow and obvious references

VISITS = st.lists(
    st.tuples(st.sampled_from(["alice", "bob"]), st.integers(0, 40), st.sampled_from([-1, 0, 1])), max_size=30
).map(
    lambda drawn: [
        (visitor, START + tens * 10 * MINUTE + odd, number)
        for number, (visitor, tens, odd) in enumerate(drawn)
    ]
)


class Opener(NamedTuple):
    """Number of the event that opened a session, and whether it opened it as a past one."""

    number: int
    past: bool = False


def plain_30_minutes(visits: list[Visit]) -> list[Opener]:
    """What opened each event's session; `visits` are in event-time order."""
    openers: list[Opener] = []
    for place, (visitor, at_ms, number) in enumerate(visits):
        mine = [earlier for earlier in range(place) if visits[earlier][0] == visitor]
        same = bool(mine) and at_ms - visits[mine[-1]][1] <= INACTIVITY_MS
        openers.append(openers[mine[-1]] if same else Opener(number))
    return openers


class Remembered(NamedTuple):
    """The reference's memory of one session: what opened it, and all its event times."""

    opener: Opener
    times: list[int]

    def near(self, at_ms: int) -> bool:
        inside = min(self.times) <= at_ms <= max(self.times)
        return inside or any(abs(at_ms - time) <= INACTIVITY_MS for time in self.times)


def stated_rule(visits: list[Visit]) -> list[Opener]:
    """The same for any order: the rule as the module states it, on lists of event times."""
    openers: list[Opener] = []
    memory: dict[str, list[Remembered]] = {}
    for visitor, at_ms, number in visits:
        sessions = memory.setdefault(visitor, [])
        behind = [one for one in sessions[:-1][-1:] if one.near(at_ms) and at_ms < min(sessions[-1].times)]
        joined = behind or [one for one in sessions[-1:] if one.near(at_ms)]
        if joined:
            joined[0].times.append(at_ms)
            openers.append(joined[0].opener)
            continue
        opener = Opener(number, past=bool(sessions) and at_ms < min(sessions[-1].times))
        if not opener.past:
            sessions.append(Remembered(opener, [at_ms]))
        openers.append(opener)
    return openers


def ids(fresh: Callable[..., World], visits: list[Visit], openers: list[Opener]) -> list[Found]:
    """What the events get when each one's session was opened by the event of that number, on its own."""
    by_number = {number: (visitor, at_ms) for visitor, at_ms, number in visits}
    return [
        marked(visit(fresh(), by_number[number][1], number, by_number[number][0]), past=past)
        for number, past in openers
    ]


def marked(found: Found, *, past: bool) -> Found:
    """The session as it is when it was opened as a past one: with the last bit of its id set."""
    text, started_at_ms = found
    return str(UUID(int=UUID(text).int | past)), started_at_ms


def test_a_past_session_is_known_by_its_id(fresh: Callable[..., World]) -> None:
    world = fresh()
    live, _ = visit(world, START, 1)
    past, _ = visit(world, START - 10 * INACTIVITY_MS, 2)
    assert not is_past(UUID(live).bytes)
    assert is_past(UUID(past).bytes)


def run(world: World, visits: list[Visit]) -> list[Found]:
    return [visit(world, at_ms, number, visitor) for visitor, at_ms, number in visits]


@given(VISITS)
def test_in_event_time_order_it_is_the_plain_rule(fresh: Callable[..., World], visits: list[Visit]) -> None:
    ordered = sorted(visits, key=lambda one: (one[1], one[2]))
    assert run(fresh(), ordered) == ids(fresh, ordered, plain_30_minutes(ordered))


@given(VISITS)
def test_in_any_order_it_is_the_stated_rule(fresh: Callable[..., World], visits: list[Visit]) -> None:
    assert run(fresh(), visits) == ids(fresh, visits, stated_rule(visits))


@given(VISITS, st.sets(st.integers(0, 30)))
def test_restarts_change_nothing(
    fresh: Callable[..., World], visits: list[Visit], restarts: set[int]
) -> None:
    cuts = [0, *sorted(cut for cut in restarts if cut < len(visits)), len(visits)]
    values: dict[bytes, bytes] = {}
    found: list[Found] = []
    for begin, end in pairwise(cuts):
        world = fresh(dict(values))
        found += run(world, visits[begin:end])
        values = store_of(world)
    assert found == run(fresh(), visits)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["alice", "bob"]),
            st.integers(-60, 60),  # minutes of the event
            st.integers(-600, 600),  # minutes of its acceptance
            st.sampled_from(["Direct", "Direct", "Email", ""]),
            st.sampled_from([None, None, Campaign(source="news"), Campaign(term="x" * 600)]),
        ),
        max_size=30,
    )
)
def test_the_usual_case_is_what_the_general_one_makes_of_it(
    fresh: Callable[..., World], visits: list[tuple[str, int, int, str, Campaign | None]]
) -> None:
    usual, general = fresh(), fresh()
    for number, (visitor, at, accepted, channel, campaign) in enumerate(visits):
        raw = RawEvent(
            website_id="shop",
            event_id=f"00000000-0000-7000-8000-{number:012x}",
            timestamp_ms=START + at * MINUTE,
            received_at_ms=START + accepted * MINUTE,
            visitor_id=visitor,
        )
        first, second = (draft_of(raw, visitor_id=visitor, channel=channel, campaign=campaign) for _ in "12")
        add_session(first, usual)
        add_any_session(second, general)
        assert first == second
        assert store_of(usual) == store_of(general)


@given(VISITS)
def test_visitors_do_not_meet(fresh: Callable[..., World], visits: list[Visit]) -> None:
    together = dict(zip(visits, run(fresh(), visits), strict=True))
    for visitor in ("alice", "bob"):
        alone = [one for one in visits if one[0] == visitor]
        assert run(fresh(), alone) == [together[one] for one in alone]
