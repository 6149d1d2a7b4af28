"""How long to wait after a failed try."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds; what asks for more is taken for a mistake."""

_DOUBLINGS: Final = 32


def pause(failures: int, first: float, longest: float, retry_after: float, randomness: float) -> float:
    """Seconds until the next try, after `failures` (1 or more) in a row.

    The pause doubles up to `longest`; `randomness` (0 to 1) takes up to half of it away, so that many clients do not
    come back together. It never is less than `retry_after`, to which up to a tenth is added for the same reason.
    """
    grown = min(longest, first * 2.0 ** min(failures - 1, _DOUBLINGS))
    asked = min(retry_after, LONGEST_RETRY_AFTER)
    return max(grown * (1 - randomness / 2), asked * (1 + randomness / 10))


def retry_after(header: str | None, now: float) -> float:
    """Seconds that Retry-After (RFC 9110, 10.2.3) asks for at `now` (Unix seconds); 0 where it says nothing."""
    value = (header or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.fromtimestamp(now, UTC)
    return max(0.0, math.ceil(seconds.total_seconds()))
