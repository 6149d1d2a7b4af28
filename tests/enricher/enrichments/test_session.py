from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.draft import Draft
from enricher.enrichments.session import INACTIVITY_MS, Session, add_session, decode, encode, expired
from enricher.world import MemorySessionStore, World
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.contract.v1.raw_pb2 import RawEvent

MINUTE = 60_000
START = 1_780_056_000_000

Found = tuple[str, int]
"""Session id and start of one event."""

Visit = tuple[str, int, int]
"""Visitor, event time and number of one event."""


def visit(world: World, at_ms: int, number: int, visitor: str = "alice", website: str = "shop") -> Found:
    event = EnrichedEvent(
        website_id=website,
        event_id=f"00000000-0000-7000-8000-{number:012x}",
        visitor_id=visitor,
        timestamp_ms=at_ms,
    )
    add_session(Draft(RawEvent(), RawPosition(), event), world)
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


def plain_30_minutes(visits: list[Visit]) -> list[int]:
    """Number of the event that opened each event's session; `visits` are in event-time order."""
    openers: list[int] = []
    for place, (visitor, at_ms, number) in enumerate(visits):
        mine = [earlier for earlier in range(place) if visits[earlier][0] == visitor]
        same = bool(mine) and at_ms - visits[mine[-1]][1] <= INACTIVITY_MS
        openers.append(openers[mine[-1]] if same else number)
    return openers


def stated_rule(visits: list[Visit]) -> list[int]:
    """The same for any order: the rule as the module states it, on lists of event times."""
    openers: list[int] = []
    live: dict[str, tuple[int, list[int]]] = {}
    for visitor, at_ms, number in visits:
        opener, times = live.get(visitor, (number, [at_ms]))
        if any(abs(at_ms - time) <= INACTIVITY_MS for time in times) or min(times) <= at_ms <= max(times):
            live[visitor] = (opener, [*times, at_ms])
        elif at_ms > max(times):
            opener, live[visitor] = number, (number, [at_ms])
        else:
            opener = number
        openers.append(opener)
    return openers


def ids(fresh: Callable[..., World], visits: list[Visit], openers: list[int]) -> list[Found]:
    """What the events get when each one's session was opened by the event of that number, on its own."""
    by_number = {number: (visitor, at_ms) for visitor, at_ms, number in visits}
    return [visit(fresh(), by_number[opener][1], opener, by_number[opener][0]) for opener in openers]


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


@given(VISITS)
def test_visitors_do_not_meet(fresh: Callable[..., World], visits: list[Visit]) -> None:
    together = dict(zip(visits, run(fresh(), visits), strict=True))
    for visitor in ("alice", "bob"):
        alone = [one for one in visits if one[0] == visitor]
        assert run(fresh(), alone) == [together[one] for one in alone]


@given(VISITS, st.integers(0, 30))
def test_a_replay_on_a_state_that_is_ahead(
    fresh: Callable[..., World], visits: list[Visit], begin: int
) -> None:
    ordered = sorted(visits, key=lambda one: (one[1], one[2]))
    world = fresh()
    first = run(world, ordered)
    state = dict(store_of(world))
    live = {found for _, found in zip(ordered, first, strict=True)} & set(
        {visitor: found for (visitor, _, _), found in zip(ordered, first, strict=True)}.values()
    )
    openers = plain_30_minutes(ordered)
    again = run(world, ordered[begin:])
    for one, opener, before, after in zip(
        ordered[begin:], openers[begin:], first[begin:], again, strict=True
    ):
        if before in live or one[2] == opener:
            assert after == before
    assert store_of(world) == state


# --- the state


TIMES = st.integers(-(2**63), 2**63 - 1)


@given(st.builds(Session, st.binary(min_size=16, max_size=16), TIMES, TIMES, TIMES))
def test_a_state_comes_back_from_its_bytes(session: Session) -> None:
    value = encode(session)
    assert len(value) == 41
    assert value[0] == 1
    assert decode(value) == session


@pytest.mark.parametrize(
    "change", [lambda v: b"\x02" + v[1:], lambda v: v[:-1], lambda v: v + b"\0", lambda _: b""]
)
def test_a_state_of_another_version_is_none(
    fresh: Callable[..., World], change: Callable[[bytes], bytes]
) -> None:
    world = fresh()
    visit(world, START, 1)
    values = {key: change(value) for key, value in store_of(world).items()}
    assert [decode(value) for value in values.values()] == [None]
    assert all(expired(value, 0) for value in values.values())
    assert visit(fresh(values), START + 1, 2) == visit(fresh(), START + 1, 2)
    assert decode(None) is None


def test_a_state_expires_when_no_event_can_join_any_more(fresh: Callable[..., World]) -> None:
    world = fresh()
    opened = visit(world, START, 1)
    visit(world, START + 5 * MINUTE, 2)
    [value] = store_of(world).values()
    last = START + 5 * MINUTE
    assert not expired(value, START)
    assert not expired(value, last + INACTIVITY_MS)
    assert expired(value, last + INACTIVITY_MS + 1)
    assert visit(fresh(dict(store_of(world))), last + INACTIVITY_MS, 3) == opened
    assert visit(fresh(dict(store_of(world))), last + INACTIVITY_MS + 1, 3) != opened
