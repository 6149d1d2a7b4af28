"""How much one key may ask: requests by a token bucket, and requests at the same time. Pure, in bounded memory.

A key is its digest, so a key that stands at many websites has one quota. The limits are those of one process.
"""

from math import ceil
from typing import Final

from eventrail.rate_limits.buckets import Buckets
from eventrail.rate_limits.fields import CONCURRENT_REQUESTS, REQUESTS, Standing, standing
from eventrail.websites import RateLimit
from query_api.errors import Limited

MOST_KEYS: Final = 100_000
"""Buckets that are held at once, about 500 bytes each. Only keys of the file get one."""

_CONCURRENCY_RETRY_SECONDS: Final = 1
"""When one of the running requests ends, nobody can tell."""


class KeyLimits:
    """The buckets and the running requests of all keys of this process."""

    def __init__(self, rate: RateLimit, concurrency: int) -> None:
        self._rate = rate
        self._concurrency = concurrency
        self._buckets = Buckets(MOST_KEYS)
        self._running: dict[bytes, int] = {}

    def begin(self, key: bytes, now: float) -> None:
        """Count one request that begins at `now`; call `end` when it has ended.

        Raises Limited (rate_limited or too_many_concurrent) and then counts nothing.
        """
        bucket, running = self._buckets.find(key), self._running.get(key, 0)
        wait = bucket.wait(self._rate, now, 1)
        if wait:
            raise _too_fast(self._rate, max(1, ceil(wait)))
        if running >= self._concurrency:
            raise _too_many(self._concurrency)
        bucket.take(self._rate, now)
        self._buckets.keep(key, bucket, now)
        self._running[key] = running + 1

    def end(self, key: bytes) -> None:
        """One request of `key` has ended, however."""
        running = self._running.pop(key) - 1
        if running:
            self._running[key] = running

    def standings(self, key: bytes, now: float) -> list[Standing]:
        """Where `key` stands with both limits."""
        left = max(0, self._concurrency - self._running.get(key, 0))
        return [
            standing("requests", self._rate, self._buckets.find(key), now, REQUESTS),
            Standing("concurrent", self._concurrency, 0, left, 0, CONCURRENT_REQUESTS),
        ]


def _too_fast(rate: RateLimit, seconds: int) -> Limited:
    message = (
        f"more requests than a key may send ({rate.per_second:g} a second, {rate.burst:,} at once); "
        f"send it again in {seconds:,} s"
    )
    return Limited("rate_limited", message, seconds)


def _too_many(concurrency: int) -> Limited:
    message = f"{concurrency:,} requests of this key are being answered, which is the most; wait until one has ended"
    return Limited("too_many_concurrent", message, _CONCURRENCY_RETRY_SECONDS)
