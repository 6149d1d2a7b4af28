from hypothesis import given
from hypothesis import strategies as st

from enricher.checkpoints import added, as_of, newest, newest_offset, pruned

Log = list[tuple[int, bytes]]

LOGS = st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=5)), max_size=15).map(
    lambda drawn: sorted(dict(drawn).items())
)
"""Offsets of the raw records that changed a state, rising, and the state behind each."""


def value_of(log: Log, committed: int = 0) -> bytes | None:
    value = None
    for offset, state in log:
        value = added(value, offset, state, min(committed, offset))
    return value


def before(log: Log, offset: int) -> bytes | None:
    return next((state for found, state in reversed(log) if found < offset), None)


@given(LOGS, st.integers(0, 61), st.integers(0, 61))
def test_every_replay_finds_the_state_as_it_was(log: Log, committed: int, begin: int) -> None:
    value = value_of(log, committed)
    begin = max(begin, committed)
    assert as_of(value, begin) == before(log, begin)
    if value is not None:
        assert as_of(pruned(value, committed), begin) == before(log, begin)
        assert (newest_offset(value), newest(value)) == log[-1]


@given(LOGS, st.integers(0, 61), st.integers(0, 15))
def test_a_replay_makes_the_same_again(log: Log, begin: int, length: int) -> None:
    again = [entry for entry in log if entry[0] >= begin][:length]
    value = value_of(log)
    for offset, state in again:
        value = added(value, offset, state, begin)
    for offset in range(begin, 62):
        if again and offset <= again[-1][0] + 1:
            assert as_of(value, offset) == before(log, offset)


def test_what_no_replay_can_ask_for_is_let_go() -> None:
    value = value_of([(1, b"a"), (2, b"b"), (3, b"c"), (9, b"d")])
    assert value is not None
    smaller = pruned(value, 3)
    assert [as_of(smaller, offset) for offset in (2, 3, 4, 9, 10)] == [None, b"b", b"c", b"c", b"d"]
    assert len(pruned(value, 10)) == len(added(None, 9, b"d", 0))
    assert pruned(value, 0) == value
    assert added(value, 12, b"e", 4) == added(added(added(None, 3, b"c", 0), 9, b"d", 0), 12, b"e", 0)


def test_bytes_of_another_version_hold_nothing() -> None:
    for value in (b"", b"\x02old"):
        assert newest(value) is None
        assert newest_offset(value) == -1
        assert as_of(value, 5) is None
        assert pruned(value, 5) == value
        assert added(value, 7, b"s", 0) == added(None, 7, b"s", 0)
