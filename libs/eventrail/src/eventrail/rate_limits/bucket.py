"""A token bucket as one number: the moment at which it will be full again.

A bucket holds `burst` tokens and gains `per_second` tokens each second. The moment at which it is full tells
how many are missing now, and a bucket whose moment has passed is as good as none: it may be forgotten.
(The generic cell rate algorithm of ITU-T I.371 in its "virtual scheduling" form.)
"""

from math import inf
from typing import Final

from eventrail.websites import RateLimit

_SLACK: Final = 1e-6
"""Seconds of rounding that are forgiven, so that whoever waits as long as told is let in.

In any window of t seconds at most per_second x (t + 1e-6) + burst events pass.
"""


def window(rate: RateLimit) -> float:
    """Seconds in which an empty bucket becomes full."""
    return rate.burst / rate.per_second


class Bucket:
    """What is left of a quota; a new one is full. Times are seconds of one clock that never goes back."""

    __slots__ = ("full_at",)

    def __init__(self) -> None:
        self.full_at = -inf

    def is_full(self, now: float) -> bool:
        """Whether it could be forgotten: a new one would do the same."""
        return self.full_at <= now

    def tokens(self, rate: RateLimit, now: float) -> float:
        """Tokens that are there, 0 to `rate.burst`."""
        missing = max(0.0, self.full_at - now) * rate.per_second
        return max(0.0, rate.burst - missing)

    def wait(self, rate: RateLimit, now: float, wanted: int) -> float:
        """Seconds until `wanted` tokens are there, 0 if they are; never more than `rate.burst` are waited for."""
        most = min(wanted, rate.burst)
        seconds = max(self.full_at, now) + most / rate.per_second - now - window(rate)
        return seconds if seconds > _SLACK else 0.0

    def take(self, rate: RateLimit, now: float) -> None:
        """Take the one token that `wait` said is there."""
        # Under a rate that was just raised, the debt of the old one is too long: an empty bucket is the most.
        full_at = max(self.full_at, now) + 1 / rate.per_second
        self.full_at = min(full_at, now + window(rate) + _SLACK)
