from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.enrichments.session_state import (
    INACTIVITY_MS,
    KEPT_MS,
    Session,
    State,
    decode,
    encode,
    expired,
    joined,
    opening,
    read_opening,
)

TIMES = st.integers(-(2**63), 2**63 - 1)
SESSIONS = st.builds(
    Session, st.binary(min_size=16, max_size=16), TIMES, TIMES, TIMES, st.binary(max_size=512)
)
STATE = State(Session(bytes(16), 5, 5, 5), None, 1_000)


@given(st.builds(State, SESSIONS, st.none() | SESSIONS, TIMES))
def test_a_state_comes_back_from_its_bytes(state: State) -> None:
    assert decode(encode(state)) == state


NEAR = st.integers(-3 * INACTIVITY_MS, 3 * INACTIVITY_MS)


@st.composite
def near_sessions(draw: st.DrawFn) -> Session:
    first, last = sorted((draw(NEAR), draw(NEAR)))
    return Session(bytes(16), draw(NEAR), first, last, draw(st.binary(max_size=5)))


@given(
    st.builds(State, near_sessions(), st.none() | near_sessions(), st.integers(0, 2 * KEPT_MS)),
    NEAR,
    st.integers(0, 4 * KEPT_MS),
)
def test_what_goes_on_is_the_state_taken_apart_and_put_together(
    state: State, at_ms: int, accepted_ms: int
) -> None:
    live = state.live
    found = joined(encode(state), at_ms, accepted_ms)
    if state.is_over(accepted_ms) or at_ms < live.first_ms or not live.reaches(at_ms):
        assert found is None
        return
    after = State(live.widened(at_ms), state.previous, max(state.accepted_ms, accepted_ms))
    assert found == (encode(after), opening(live), live.campaign)
    assert read_opening(opening(live)) == (live.id, live.started_at_ms)


@given(
    st.binary(max_size=120).map(lambda rest: encode(STATE)[:49] + rest) | st.binary(max_size=120), NEAR, NEAR
)
def test_bytes_that_are_no_state_do_not_go_on(value: bytes, at_ms: int, accepted_ms: int) -> None:
    if joined(value, at_ms, accepted_ms) is not None:
        assert decode(value) is not None
    assert joined(None, at_ms, accepted_ms) is None


def test_a_state_is_small() -> None:
    assert len(encode(STATE)) == 51
    assert len(encode(replace(STATE, previous=STATE.live))) == 93


@pytest.mark.parametrize(
    "value", [None, b"", b"\x02" + encode(STATE)[1:], encode(STATE)[:-1], encode(STATE) + b"\0"]
)
def test_other_bytes_are_no_state(value: bytes | None) -> None:
    assert decode(value) is None
    assert value is None or expired(value, 0)


def test_a_session_reaches_30_minutes_to_both_sides() -> None:
    session = Session(bytes(16), 50, 10, 100)
    assert [session.reaches(10 - INACTIVITY_MS - by) for by in (0, 1)] == [True, False]
    assert [session.reaches(100 + INACTIVITY_MS + by) for by in (0, 1)] == [True, False]
    assert session.widened(5) == Session(bytes(16), 50, 5, 100)
    assert session.widened(50) == session


def test_a_state_is_swept_only_when_the_rule_has_let_it_go() -> None:
    assert not STATE.is_over(1_000 + KEPT_MS)
    assert STATE.is_over(1_000 + KEPT_MS + 1)
    watermarks = range(1_000, 1_000 + 2 * KEPT_MS, 60_000)
    swept = [at for at in watermarks if expired(encode(STATE), at)]
    assert swept
    assert all(STATE.is_over(at) for at in swept)
    assert min(swept) - KEPT_MS > 60_000


@given(TIMES, TIMES, TIMES)
def test_an_event_widens_a_session_to_where_it_is(first_ms: int, last_ms: int, at_ms: int) -> None:
    session = Session(bytes(16), 50, min(first_ms, last_ms), max(first_ms, last_ms), b"c")
    wide = session.widened(at_ms)
    assert (wide.first_ms, wide.last_ms) == (min(session.first_ms, at_ms), max(session.last_ms, at_ms))
    assert replace(wide, first_ms=session.first_ms, last_ms=session.last_ms) == session
