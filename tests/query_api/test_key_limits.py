"""The limits of keys as pure code: time is an argument."""

import pytest

from eventrail.websites import RateLimit
from query_api.errors import Limited
from query_api.key_limits import KeyLimits

RATE = RateLimit(per_second=2.0, burst=3)
A, B = b"a" * 32, b"b" * 32


def made(concurrency: int = 100) -> KeyLimits:
    return KeyLimits(RATE, concurrency)


def refused(limits: KeyLimits, key: bytes, now: float) -> Limited:
    with pytest.raises(Limited) as raised:
        limits.begin(key, now)
    return raised.value


def test_a_burst_and_then_what_flows_in() -> None:
    limits = made()
    for _ in range(3):
        limits.begin(A, 10.0)
    error = refused(limits, A, 10.0)
    assert (error.code, error.retry_after) == ("rate_limited", 1)
    assert "2 a second, 3 at once" in error.message
    limits.begin(A, 10.5)
    refused(limits, A, 10.5)


def test_whoever_waits_as_long_as_told_is_let_in() -> None:
    limits = KeyLimits(RateLimit(per_second=0.1, burst=1), 100)
    limits.begin(A, 0.0)
    error = refused(limits, A, 3.0)
    assert error.retry_after == 7
    limits.begin(A, 3.0 + error.retry_after)


def test_keys_have_buckets_of_their_own() -> None:
    limits = made()
    for _ in range(3):
        limits.begin(A, 0.0)
    refused(limits, A, 0.0)
    limits.begin(B, 0.0)


def test_requests_at_the_same_time() -> None:
    limits = made(concurrency=2)
    limits.begin(A, 0.0)
    limits.begin(A, 0.0)
    error = refused(limits, A, 0.0)
    assert (error.code, error.retry_after) == ("too_many_concurrent", 1)
    limits.begin(B, 0.0)
    limits.end(A)
    limits.begin(A, 0.0)


def test_a_refusal_counts_nothing() -> None:
    limits = made(concurrency=1)
    limits.begin(A, 0.0)
    for _ in range(10):
        refused(limits, A, 0.0)
    limits.end(A)
    limits.begin(A, 0.0)
    assert [(here.name, here.left) for here in limits.standings(A, 0.0)] == [
        ("requests", 1),
        ("concurrent", 0),
    ]


def test_standings_of_a_key_that_asked_nothing() -> None:
    assert made(concurrency=8).standings(A, 0.0) == [
        ("requests", 3, 2, 3, 0, "requests"),
        ("concurrent", 8, 0, 8, 0, "concurrent-requests"),
    ]


def test_nothing_is_kept_of_requests_that_have_ended() -> None:
    limits = made()
    for number in range(1000):
        key, now = number.to_bytes(32), float(number * 10)
        limits.begin(key, now)
        limits.end(key)
    assert limits._running == {}
    assert len(limits._buckets) <= 2
