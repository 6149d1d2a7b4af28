import pytest

from enricher.checkpoints import added, newest
from enricher.sessions import AsOf, Overlay, PartitionSessions, Sessions


def old(value: bytes, watermark_ms: int) -> bool:
    """A state is the time of its last event, as text."""
    return int(value) < watermark_ms


def test_an_overlay_sees_what_is_below_and_keeps_its_writes_apart() -> None:
    states = {b"a": b"1"}
    overlay = Overlay(states)
    assert overlay.get(b"a") == b"1"
    overlay.put(b"a", b"2")
    overlay.put(b"b", b"3")
    assert (overlay.get(b"a"), overlay.get(b"b"), overlay.get(b"c")) == (b"2", b"3", None)
    assert states == {b"a": b"1"}
    assert overlay.written == {b"a": b"2", b"b": b"3"}


def test_an_overlay_over_an_overlay_sees_both() -> None:
    lower = Overlay({b"a": b"1"})
    lower.put(b"b", b"2")
    upper = Overlay(lower)
    assert (upper.get(b"a"), upper.get(b"b")) == (b"1", b"2")
    upper.put(b"b", b"3")
    assert lower.get(b"b") == b"2"


def test_a_tombstone_removes() -> None:
    held = PartitionSessions()
    held.put(b"a", b"1")
    held.put(b"b", b"1")
    held.put(b"a", None)
    held.put(b"never", None)
    assert held.states == {b"b": b"1"}


def test_the_watermark_follows_what_is_committed_and_never_goes_back() -> None:
    held = PartitionSessions()
    for next_offset, accepted_ms in ((1, 50), (2, 40), (3, 60)):
        held.passed(next_offset, accepted_ms, ())
    seen = []
    for committed in (0, 1, 2, 2, 3):
        held.settle(committed)
        seen.append(held.watermark_ms)
    assert seen == [0, 50, 50, 50, 60]


def test_what_is_committed_is_asked_for_by_no_replay_and_goes_at_once() -> None:
    held = PartitionSessions()
    both = added(state(5000, 1), 2, b"5001", 0)
    for key in (b"a", b"b"):
        held.put(key, both)
    held.passed(2, 50, [b"gone"])
    held.passed(3, 60, [b"a"])
    held.settle(2)
    assert held.states == {b"a": both, b"b": both}
    held.settle(3)
    assert held.states == {b"a": state(5001, 2), b"b": both}


def test_states_of_partitions_that_are_gone_are_dropped() -> None:
    sessions = Sessions()
    for partition in range(3):
        sessions.of(partition).put(b"%d" % partition, b"1")
    sessions.only([1, 7])
    assert sessions.partitions == {1}
    assert len(sessions) == 1
    assert dict(sessions.merged()) == {b"1": b"1"}


def test_states_that_are_ahead_are_seen_as_they_were() -> None:
    values = {b"a": added(added(None, 3, b"1", 0), 7, b"2", 0)}
    assert [AsOf(values, offset).get(b"a") for offset in (3, 4, 7, 8)] == [None, b"1", b"1", b"2"]
    assert AsOf(values, 8).get(b"b") is None


def test_what_reaches_further_is_not_replaced_by_the_changelog() -> None:
    held = PartitionSessions()
    early, late = added(None, 3, b"1", 0), added(None, 7, b"2", 0)
    held.merge(b"a", late)
    held.merge(b"a", early)
    assert held.states == {b"a": late}
    held.merge(b"b", early)
    held.merge(b"b", late)
    assert held.states == {b"a": late, b"b": late}
    held.merge(b"a", None)
    assert held.states == {b"b": late}


def state(last: int, offset: int = 0) -> bytes:
    """A value whose state is the time of its last event."""
    return added(None, offset, b"%d" % last, 0)


def test_a_sweep_drops_what_is_expired_and_committed() -> None:
    sessions = Sessions()
    held = sessions.of(0)
    for last in (100, 900, 1000):
        held.put(b"%d" % last, state(last))
    held.put(b"ahead", state(100, offset=5))
    held.passed(5, 1000, ())
    assert sessions.sweep(old, {0: 5}) == 2
    assert set(held.states) == {b"1000", b"ahead"}
    assert sessions.sweep(old, {}) == 0
    assert sessions.sweep(old, {0: 6}) == 1
    assert set(held.states) == {b"1000"}


def test_a_sweep_lets_checkpoints_go_that_no_replay_can_ask_for() -> None:
    sessions = Sessions()
    sessions.of(0).put(b"a", added(state(5000, 1), 2, b"5001", 0))
    sessions.sweep(old, {0: 2})
    assert sessions.of(0).states == {b"a": added(state(5000, 1), 2, b"5001", 0)}
    sessions.sweep(old, {0: 3})
    assert sessions.of(0).states == {b"a": state(5001, 2)}


def test_a_sweep_looks_at_a_few_and_comes_around_to_all() -> None:
    sessions = Sessions()
    held = sessions.of(0)
    for number in range(100):
        held.put(b"%d" % number, state(5000 if number % 2 else 1))
    held.passed(1, 1000, ())
    assert sessions.sweep(old, {0: 1}, limit=10) == 5
    for _ in range(10):
        sessions.sweep(old, {0: 1}, limit=10)
    assert len(held.states) == 50
    assert {newest(value) for value in held.states.values()} == {b"5000"}


def test_a_sweep_meets_states_that_come_and_go_meanwhile() -> None:
    sessions = Sessions()
    held = sessions.of(0)
    for number in range(20):
        held.put(b"%d" % number, state(5000))
    held.passed(1, 1000, ())
    assert sessions.sweep(old, {0: 1}, limit=10) == 0
    for number in range(10, 15):
        held.put(b"%d" % number, None)
    held.put(b"new", state(1))
    held.put(b"0", state(1))
    assert sum(sessions.sweep(old, {0: 1}, limit=10) for _ in range(3)) == 2
    assert len(held.states) == 14


@pytest.mark.parametrize(("states", "calls"), [(99, 1), (250, 3), (30_000, 300), (60_001, 299)])
def test_without_a_limit_it_comes_around_in_300_calls_at_most(states: int, calls: int) -> None:
    sessions, seen = Sessions(), set[bytes]()
    for number in range(states):
        sessions.of(0).put(b"%d" % number, state(number))

    def noted(value: bytes, _watermark_ms: int) -> bool:
        seen.add(value)
        return False

    for _ in range(calls - 1):
        sessions.sweep(noted, {0: 1})
    assert len(seen) < states
    sessions.sweep(noted, {0: 1})
    assert len(seen) == states


def test_partitions_are_swept_by_their_own_watermark() -> None:
    sessions = Sessions()
    for partition, accepted_ms in ((0, 1000), (1, 10)):
        sessions.of(partition).put(b"a", state(10))
        sessions.of(partition).passed(1, accepted_ms, ())
    assert sessions.sweep(old, {0: 1, 1: 1}) == 1
    assert len(sessions.of(1).states) == 1


def test_own_changes_count_as_contained_only_where_nobody_wrote_in_between() -> None:
    held = PartitionSessions(loaded=9)
    held.appended(10, 3)
    assert held.loaded == 12
    # 13 to 19 are another worker's, who had the partition while this one stood still.
    held.appended(20, 5)
    held.appended(25, 1)
    assert held.loaded == 12
