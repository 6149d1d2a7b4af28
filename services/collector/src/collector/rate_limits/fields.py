"""The header fields that tell a client its limits before it meets them.

RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers (versions 08 to 11), lists of structured
fields (RFC 9651).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

POLICY: Final = b"ratelimit-policy"
LIMIT: Final = b"ratelimit"


class Standing(NamedTuple):
    """Where a client stands with one limit.

    `quota` events in `window` seconds; `left` of them now, and after `more_in` seconds more than that
    (0 where nothing was used).
    """

    name: str
    quota: int
    window: int
    left: int
    more_in: int


def headers(standings: Sequence[Standing]) -> list[tuple[bytes, bytes]]:
    """Both fields; none without limits."""
    if not standings:
        return []
    return [
        (POLICY, ", ".join(map(_policy, standings)).encode()),
        (LIMIT, ", ".join(map(_limit, standings)).encode()),
    ]


def _policy(standing: Standing) -> str:
    return f'"{standing.name}";q={standing.quota};qu="events";w={standing.window}'


def _limit(standing: Standing) -> str:
    effective = f";t={standing.more_in}" if standing.more_in else ""
    return f'"{standing.name}";r={standing.left}{effective}'
