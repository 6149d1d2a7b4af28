"""How much a client holds and how long it waits; every value has a default that suits most."""

from dataclasses import dataclass
from typing import Final

MOST_EVENTS: Final = 50
"""Events that a collector takes in one request."""

MOST_BYTES: Final = 102_400
"""Bytes that a collector takes in one request."""

LEAST_BYTES: Final = 65_536
"""Every event alone is smaller than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Bounds and times of one client. Raises ValueError for a value that makes no sense."""

    batch_events: int = MOST_EVENTS
    """Events in a request, 1 to 50."""

    batch_bytes: int = MOST_BYTES
    """Bytes in a request, 65,536 to 102,400."""

    max_age: float = 1.0
    """Seconds that an event waits for others to go with it."""

    queue_events: int = 10_000
    """Events that may wait; beyond that the oldest one is dropped and counted."""

    queue_bytes: int = 16 * 1024 * 1024
    """Bytes of events that may wait, in the same way."""

    request_timeout: float = 10.0
    """Seconds that the collector may be silent before the request counts as failed."""

    first_pause: float = 0.5
    """Seconds until the second try; each further pause is twice as long, with a random part."""

    longest_pause: float = 60.0
    """Seconds that no pause exceeds, unless the collector asks for more with Retry-After."""

    exit_timeout: float = 5.0
    """Seconds that `close`, also at the end of the program, spends on what still waits."""

    def __post_init__(self) -> None:
        if not 1 <= self.batch_events <= MOST_EVENTS:
            raise ValueError(f"batch_events must be 1 to {MOST_EVENTS}")
        if not LEAST_BYTES <= self.batch_bytes <= MOST_BYTES:
            raise ValueError(f"batch_bytes must be {LEAST_BYTES:,} to {MOST_BYTES:,}")
        if min(self.queue_events, self.queue_bytes) < 1:
            raise ValueError("queue_events and queue_bytes must be at least 1")
        if min(self.request_timeout, self.first_pause, self.longest_pause) <= 0:
            raise ValueError("request_timeout, first_pause and longest_pause must be more than 0")
        if min(self.max_age, self.exit_timeout) < 0:
            raise ValueError("max_age and exit_timeout must be at least 0")
