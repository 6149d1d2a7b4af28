from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.rate_limits.bucket import Bucket, window
from eventrail.websites import RateLimit

RATES = st.builds(
    RateLimit,
    per_second=st.sampled_from([0.001, 0.1, 1 / 3, 1.0, 7.0, 10.0, 1000.0, 1e6]) | st.floats(0.01, 1e4),
    burst=st.integers(1, 60),
)
GAPS = st.one_of(st.just(0.0), st.floats(0, 0.01), st.floats(0, 5), st.floats(0, 1e4))


def allowed(bucket: Bucket, rate: RateLimit, now: float) -> bool:
    if bucket.wait(rate, now, 1):
        return False
    bucket.take(rate, now)
    return True


def test_a_new_bucket_holds_a_burst_and_then_one_per_interval() -> None:
    bucket, rate = Bucket(), RateLimit(per_second=10.0, burst=3)
    assert window(rate) == pytest.approx(0.3)
    assert [allowed(bucket, rate, 100.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait(rate, 100.0, 1) == pytest.approx(0.1)
    assert bucket.wait(rate, 100.0, 2) == pytest.approx(0.2)
    assert bucket.wait(rate, 100.0, 99) == pytest.approx(0.3)
    assert bucket.tokens(rate, 100.05) == pytest.approx(0.5)
    assert not allowed(bucket, rate, 100.05)
    assert allowed(bucket, rate, 100.1)
    assert not bucket.is_full(100.1)
    assert bucket.is_full(100.5)
    assert bucket.tokens(rate, 1e9) == 3


@given(rate=RATES, gaps=st.lists(GAPS, min_size=1, max_size=200), start=st.floats(0, 1e7))
def test_in_no_window_pass_more_than_the_rate_and_a_burst(
    rate: RateLimit, gaps: list[float], start: float
) -> None:
    bucket, now, passed = Bucket(), start, []
    for gap in gaps:
        now += gap
        if allowed(bucket, rate, now):
            passed.append(now)
    for first, since in enumerate(passed):
        for last in range(first, len(passed)):
            # 1e-6 s are forgiven by contract, and as much is left for the rounding of the test's own sums.
            most = rate.per_second * (passed[last] - since + 2e-6) + rate.burst
            assert last - first + 1 <= most


class Reference:
    """The bucket of a textbook, in exact numbers: tokens, refilled as time passes."""

    def __init__(self, rate: RateLimit, now: float) -> None:
        self.per_second, self.burst = Fraction(rate.per_second), Fraction(rate.burst)
        self.tokens, self.at = self.burst, Fraction(now)

    def seen(self, now: float) -> Fraction:
        self.tokens = min(self.burst, self.tokens + (Fraction(now) - self.at) * self.per_second)
        self.at = Fraction(now)
        return self.tokens


@given(rate=RATES, gaps=st.lists(GAPS, min_size=1, max_size=200), start=st.floats(0, 1e6))
def test_it_decides_like_the_textbook(rate: RateLimit, gaps: list[float], start: float) -> None:
    bucket, now, reference = Bucket(), start, Reference(rate, start)
    for gap in gaps:
        now += gap
        tokens = reference.seen(now)
        close = 2e-6 * rate.per_second + 1e-6
        assert abs(bucket.tokens(rate, now) - float(tokens)) <= close * (1 + len(gaps))
        let_in = allowed(bucket, rate, now)
        if abs(tokens - 1) > close * (1 + len(gaps)):
            assert let_in == (tokens >= 1)
        if let_in:
            reference.tokens -= 1


@given(rate=RATES, taken=st.integers(0, 100), wanted=st.integers(1, 100), start=st.floats(0, 1e7))
def test_who_waits_as_long_as_told_is_let_in(rate: RateLimit, taken: int, wanted: int, start: float) -> None:
    bucket = Bucket()
    for _ in range(taken):
        allowed(bucket, rate, start)
    later = start + ceil(bucket.wait(rate, start, wanted))
    assert all(allowed(bucket, rate, later) for _ in range(min(wanted, rate.burst)))


def test_a_raised_rate_holds_at_once() -> None:
    bucket = Bucket()
    slow, fast = RateLimit(per_second=0.001, burst=10), RateLimit(per_second=100.0, burst=10)
    while allowed(bucket, slow, 0.0):
        pass
    allowed(bucket, fast, 1.0)
    bucket.take(fast, 1.0)
    assert allowed(bucket, fast, 1.2)


def test_a_lowered_rate_holds_at_once() -> None:
    bucket = Bucket()
    fast, slow = RateLimit(per_second=100.0, burst=100), RateLimit(per_second=1.0, burst=1)
    assert sum(allowed(bucket, fast, 0.0) for _ in range(200)) == 100
    assert not allowed(bucket, slow, 0.5)
    assert allowed(bucket, slow, 1.0)
    assert not allowed(bucket, slow, 1.0)
