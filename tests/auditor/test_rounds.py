"""Every minute gets its turn, the recent and open ones first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.balance import nothing
from auditor.rounds import MOST_MINUTES, Minutes, changes, pause
from auditor.statements import Slice

NOW = 1_795_440_000


def made(**sizes: int) -> Minutes:
    """Minutes by their age in minutes, such as m5=100; all were looked at before."""
    minutes = Minutes(slice_events=100, recent_minutes=10, window_hours=48)
    for age, entries in sizes.items():
        minutes.add(NOW - int(age[1:]) * 60, entries, NOW)
    for known in minutes.known.values():
        known.changed, known.looked_at = False, 1
    return minutes


def ages(minutes: Minutes) -> list[tuple[bool, list[int]]]:
    return [(task.is_urgent, [(NOW - at) // 60 for at in task.minutes]) for task in minutes.plan(NOW)]


def test_recent_minutes_come_first_and_the_others_by_their_last_turn() -> None:
    minutes = made(m0=50, m5=40, m20=60, m30=60, m40=10)
    minutes.known[NOW - 40 * 60].looked_at = 0
    assert ages(minutes) == [(True, [5, 0]), (False, [40, 30]), (False, [20])]


def test_what_changed_or_is_open_is_urgent() -> None:
    minutes = made(m20=1, m30=1, m40=1, m50=1, m60=1)
    minutes.add(NOW - 20 * 60, 1, NOW)
    for age, key in (
        (30, ("enricher", "in_flight")),
        (40, ("writer", "in_flight")),
        (50, ("writer", "unaccounted")),
    ):
        minutes.known[NOW - age * 60].counts[key] = 1
    assert ages(minutes) == [(True, [50, 40, 30, 20]), (False, [60])]


def test_a_large_minute_is_looked_up_in_parts() -> None:
    (task,) = made(m20=250).plan(NOW)
    at = NOW - 20 * 60
    assert task.slices == tuple(Slice((at,), part, 3) for part in range(3))


@given(st.dictionaries(st.integers(0, 5000), st.integers(0, 400), max_size=600))
def test_a_plan_has_every_minute_once_and_no_slice_is_too_large(sizes: dict[int, int]) -> None:
    minutes = made(**{f"m{age}": entries for age, entries in sizes.items()})
    tasks = list(minutes.plan(NOW))
    assert sorted(at for task in tasks for at in task.minutes) == sorted(minutes.known)
    for task in tasks:
        entries = sum(minutes.known[at].entries for at in task.minutes)
        assert entries <= 100 * len(task.slices)
        assert len(task.slices) == 1 or len(task.minutes) == 1
        assert len(task.minutes) <= MOST_MINUTES


def test_minutes_leave_when_nothing_was_read_of_them_for_the_window() -> None:
    minutes = made(m5=1, m6=1)
    minutes.known[NOW - 300].read_at = NOW - 48 * 3600 - 1
    minutes.drop_old(NOW)
    assert list(minutes.known) == [NOW - 360]


def test_a_restored_minute_brings_its_books() -> None:
    minutes = Minutes(100, 10, 48)
    books = nothing() | {("writer", "unaccounted"): 3}
    minutes.restore(NOW, 7, NOW - 5, books)
    minutes.restore(NOW - 60, 2, NOW - 5, None)
    assert minutes.unaccounted() == 3
    assert [minute.entries for minute in minutes.recent(NOW)] == [7, 2]


def test_only_what_is_new_is_written() -> None:
    after = nothing() | {("writer", "stored"): 3}
    assert changes(nothing(), after) == [(("writer", "stored"), 3)]
    assert len(changes(None, after)) == len(after)
    assert changes(after, after) == []


@given(st.floats(0.1, 60), st.floats(0, 1e4))
def test_a_pass_begins_an_interval_after_the_last_and_takes_a_fifth_of_the_time(
    interval: float, took: float
) -> None:
    rest = pause(interval, took)
    assert took + rest >= max(interval, 5 * took) * (1 - 1e-9)
    assert took + rest in (pytest.approx(interval), pytest.approx(5 * took))
