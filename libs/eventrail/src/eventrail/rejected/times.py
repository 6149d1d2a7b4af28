"""Times as people write them: a moment, or how long ago."""

import re
from datetime import datetime
from typing import Final

from eventrail.contract.codec import LATEST_MS, rfc3339
from eventrail.errors import ConfigurationError

_AGO: Final = re.compile(r"(\d{1,9})(s|m|h|d|w)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def moment(text: str, option: str, now_ms: int) -> int:
    """Unix milliseconds of an RFC 3339 time, or of a time ago such as `2h` (s, m, h, d, w).

    Raises ConfigurationError that names `option`.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now_ms - 1000 * int(ago[1]) * _SECONDS[ago[2]]
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ConfigurationError(
            f"{option} {text!r} is neither an RFC 3339 time with an offset, such as 2026-11-23T10:00:00Z, "
            "nor a time ago, such as 30m, 2h or 3d"
        )
    return round(found.timestamp() * 1000)


def text(unix_ms: int) -> str:
    """A Unix time in milliseconds as RFC 3339 in UTC; the number itself where no such text can be written."""
    return rfc3339(unix_ms) if 0 <= unix_ms <= LATEST_MS else f"{unix_ms} ms"
