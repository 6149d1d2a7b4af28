"""Time as an argument: pure code and tests never ask the machine."""

import time
from dataclasses import dataclass
from typing import Protocol

MS_PER_DAY = 86_400_000


class Clock(Protocol):
    """Where a service reads the time."""

    def now_ms(self) -> int:
        """Unix time in milliseconds; may jump when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary start."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class ManualClock:
    """A clock that moves only when it is told to; `unix_ms` and `seconds` may be set freely."""

    unix_ms: int = 0
    seconds: float = 0.0

    def now_ms(self) -> int:
        return self.unix_ms

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Move both readings by `seconds` (may be fractions)."""
        self.seconds += seconds
        self.unix_ms += round(seconds * 1000)


def utc_day(unix_ms: int) -> int:
    """UTC day of a Unix time in milliseconds, in days since 1970-01-01 (negative before it)."""
    return unix_ms // MS_PER_DAY
