"""The watchdog barks at a standstill, and at nothing else."""

from eventrail.watchdog import Watchdog


def test_it_barks_when_nothing_moves_for_too_long_while_something_waits() -> None:
    dog = Watchdog(10)
    assert dog.stuck_seconds(0, {0: 5}, waiting=True) == 0
    dog.stuck_seconds(1, {0: 5}, waiting=True)
    assert not dog.barks(dog.stuck_seconds(10.9, {0: 5}, waiting=True))
    assert dog.barks(dog.stuck_seconds(11, {0: 5}, waiting=True))


def test_progress_quiets_it() -> None:
    dog = Watchdog(10)
    for now in range(100):
        assert dog.stuck_seconds(now, {0: 5, 1: now}, waiting=True) == 0


def test_where_nothing_waits_or_there_is_an_excuse_the_time_begins_anew() -> None:
    dog = Watchdog(10)
    dog.stuck_seconds(0, {0: 5}, waiting=True)
    dog.stuck_seconds(1, {0: 5}, waiting=True)
    assert dog.stuck_seconds(9, {0: 5}, waiting=True) == 8
    assert dog.stuck_seconds(50, {0: 5}, waiting=False) == 0
    assert dog.stuck_seconds(60, {0: 5}, waiting=True) == 0
    assert dog.stuck_seconds(65, {0: 5}, waiting=True) == 5
    dog.excuse()
    assert dog.stuck_seconds(66, {0: 5}, waiting=True) == 0
