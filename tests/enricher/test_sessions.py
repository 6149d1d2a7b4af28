from enricher.sessions import Overlay, PartitionSessions, Sessions


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


def test_a_tombstone_removes_and_the_watermark_never_goes_back() -> None:
    held = PartitionSessions()
    held.put(b"a", b"1", 50)
    held.put(b"b", b"1", 40)
    assert held.watermark_ms == 50
    held.put(b"a", None, 60)
    held.put(b"never", None, 60)
    assert held.states == {b"b": b"1"}


def test_states_of_partitions_that_are_gone_are_dropped() -> None:
    sessions = Sessions()
    for partition in range(3):
        sessions.of(partition).put(b"%d" % partition, b"1", 1)
    sessions.only([1, 7])
    assert sessions.partitions == {1}
    assert len(sessions) == 1
    assert dict(sessions.merged()) == {b"1": b"1"}


def test_a_sweep_drops_what_no_late_event_may_find_any_more() -> None:
    sessions = Sessions()
    held = sessions.of(0)
    for last in (100, 900, 950, 1000):
        held.put(b"%d" % last, b"%d" % last, last)
    assert sessions.sweep(old, late_ms=100) == 1
    assert set(held.states) == {b"900", b"950", b"1000"}


def test_a_sweep_looks_at_a_few_and_comes_around_to_all() -> None:
    sessions = Sessions()
    held = sessions.of(0)
    for number in range(100):
        held.put(b"%d" % number, b"5000" if number % 2 else b"1", 1000)
    assert sessions.sweep(old, 0, limit=10) == 5
    for _ in range(10):
        sessions.sweep(old, 0, limit=10)
    assert len(held.states) == 50
    assert set(held.states.values()) == {b"5000"}


def test_partitions_are_swept_by_their_own_watermark() -> None:
    sessions = Sessions()
    sessions.of(0).put(b"a", b"10", 1000)
    sessions.of(1).put(b"b", b"10", 10)
    assert sessions.sweep(old, 0) == 1
    assert len(sessions.of(1).states) == 1
