import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.rate_limits.bucket import Bucket
from eventrail.rate_limits.buckets import Buckets
from eventrail.websites import RateLimit

RATE = RateLimit(per_second=1.0, burst=10)


def use(buckets: Buckets, key: bytes, now: float, rate: RateLimit = RATE) -> bool:
    bucket = buckets.find(key)
    if bucket.wait(rate, now, 1):
        return False
    bucket.take(rate, now)
    buckets.keep(key, bucket, now)
    return True


def test_a_key_that_is_not_kept_has_a_full_bucket() -> None:
    buckets = Buckets(10)
    assert buckets.find(b"a").tokens(RATE, 5.0) == 10
    assert len(buckets) == 0


def test_full_ones_are_forgotten_first_and_that_changes_nothing() -> None:
    buckets = Buckets(3)
    for key in (b"a", b"b", b"c"):
        use(buckets, key, 0.0)
    use(buckets, b"d", 1.0)
    assert (len(buckets), buckets.forgotten) == (2, 0)
    assert buckets.find(b"c").tokens(RATE, 1.0) == buckets.find(b"a").tokens(RATE, 1.0) == 10


def test_where_all_are_in_use_the_one_of_the_longest_ago_goes_and_is_counted() -> None:
    buckets = Buckets(3)
    for _ in range(5):
        for key in (b"a", b"b", b"c"):
            use(buckets, key, 0.0)
    use(buckets, b"a", 0.0)
    use(buckets, b"d", 0.0)
    assert (len(buckets), buckets.forgotten) == (3, 1)
    assert buckets.find(b"b").tokens(RATE, 0.0) == 10
    assert buckets.find(b"a").tokens(RATE, 0.0) == 4


@given(
    st.lists(st.tuples(st.integers(0, 9).map(lambda n: bytes([n])), st.floats(0, 3)), max_size=200),
    st.integers(1, 12),
)
def test_never_more_than_the_bound_and_like_unbounded_ones_while_nothing_was_forgotten(
    uses: list[tuple[bytes, float]], most: int
) -> None:
    buckets, unbounded, now = Buckets(most), dict[bytes, Bucket](), 0.0
    for key, gap in uses:
        now += gap
        bucket = unbounded.setdefault(key, Bucket())
        expected = bucket.wait(RATE, now, 1) == 0
        if expected:
            bucket.take(RATE, now)
        let_in = use(buckets, key, now)
        assert len(buckets) <= most
        if not buckets.forgotten:
            assert let_in == expected


@pytest.mark.slow
def test_ever_more_addresses_need_no_more_memory_than_the_bound() -> None:
    buckets = Buckets(20_000)
    rate = RateLimit(per_second=0.01, burst=10)
    tracemalloc.start()
    try:
        for number in range(220_000):
            use(buckets, number.to_bytes(8, "big"), number * 1e-6, rate)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(buckets) == 20_000
    assert buckets.forgotten == 200_000
    assert peak / 20_000 < 500  # bytes a bucket, as docs/rate-limits.md says
