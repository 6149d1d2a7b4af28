import time

from eventrail.clock import ManualClock, SystemClock, utc_day


def test_the_system_clock_is_the_machines() -> None:
    assert abs(SystemClock().now_ms() - time.time() * 1000) < 1000
    assert SystemClock().monotonic() <= SystemClock().monotonic()


def test_a_manual_clock_moves_both_readings() -> None:
    clock = ManualClock(1_000, 5.0)
    clock.advance(1.5)
    assert (clock.now_ms(), clock.monotonic()) == (2_500, 6.5)


def test_days_begin_at_utc_midnight() -> None:
    assert [utc_day(ms) for ms in (-1, 0, 86_399_999, 86_400_000)] == [-1, 0, 0, 1]
