"""When the broker may wait for more records before it answers a fetch.

An answer costs the broker and the threads here about as much as what dozens of records cost. While many come,
waiting some milliseconds saves most answers; while few come, waiting would only ask the broker more often.
"""

from dataclasses import dataclass
from typing import Final

_MANY_PER_SECOND: Final = 100
_COUNTED_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """How the broker is asked to answer: Kafka's fetch.min.bytes and fetch.max.wait.ms."""

    least_bytes: int
    wait_ms: int


AT_ONCE: Final = Answer(least_bytes=1, wait_ms=1500)
GATHERED: Final = Answer(least_bytes=8 * 1024, wait_ms=15)


class Gathering:
    """Counts records; `now` is a monotonic clock's, in seconds."""

    def __init__(self, now: float) -> None:
        self._answer = AT_ONCE
        self._since = now
        self._records = 0

    def answer(self, records: int, now: float) -> Answer:
        """What to ask for after so many more `records`: gathered where a second has brought many."""
        self._records += records
        seconds = now - self._since
        if seconds >= _COUNTED_SECONDS:
            many = self._records >= _MANY_PER_SECOND * seconds
            self._answer = GATHERED if many else AT_ONCE
            self._since, self._records = now, 0
        return self._answer
