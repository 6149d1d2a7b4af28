"""The header fields that tell a client its limits before it meets them.

RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers (versions 08 to 11), lists of structured
fields (RFC 9651).
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import Final, NamedTuple

from eventrail.rate_limits.bucket import Bucket, window
from eventrail.websites import RateLimit

POLICY: Final = b"ratelimit-policy"
LIMIT: Final = b"ratelimit"

EVENTS: Final = "events"
REQUESTS: Final = "requests"
CONCURRENT_REQUESTS: Final = "concurrent-requests"


class Standing(NamedTuple):
    """Where a client stands with one limit.

    `quota` of `unit` in `window` seconds (0 where time has no part in it); `left` of them now, and after `more_in`
    seconds more than that (0 where nothing was used, or nobody can tell).
    """

    name: str
    quota: int
    window: int
    left: int
    more_in: int
    unit: str = EVENTS


def standing(name: str, rate: RateLimit, bucket: Bucket, now: float, unit: str = EVENTS) -> Standing:
    """Where the owner of `bucket`, which is filled at `rate`, stands at `now`."""
    left = floor(bucket.tokens(rate, now) + 1e-6)
    more_in = bucket.wait(rate, now, left + 1) if left < rate.burst else 0.0
    return Standing(name, rate.burst, ceil(window(rate)), left, ceil(more_in), unit)


def headers(standings: Sequence[Standing]) -> list[tuple[bytes, bytes]]:
    """Both fields; none without limits."""
    if not standings:
        return []
    return [
        (POLICY, ", ".join(map(_policy, standings)).encode()),
        (LIMIT, ", ".join(map(_limit, standings)).encode()),
    ]


def _policy(standing: Standing) -> str:
    window_of = f";w={standing.window}" if standing.window else ""
    return f'"{standing.name}";q={standing.quota};qu="{standing.unit}"{window_of}'


def _limit(standing: Standing) -> str:
    effective = f";t={standing.more_in}" if standing.more_in else ""
    return f'"{standing.name}";r={standing.left}{effective}'
