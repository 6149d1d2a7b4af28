"""What the stream waits for: a named cause is no failure, so no watchdog counts it, but everybody can see it."""

from collections.abc import Iterator
from contextlib import contextmanager

from enricher.metrics import Metrics
from eventrail import logs
from eventrail.clock import Clock

ADDRESS_KEY = "address_key"
"""A client address is encrypted with a key that this process was not given."""
BREAKER = "breaker"
"""So many events fail that the fault must be ours: nothing is rejected until a person or a new version came."""
KAFKA = "kafka"
"""The broker does not answer or does not acknowledge."""
SALT = "salt"
"""The salt of an event's day is not here yet, or not readable."""

_NEED_A_PERSON = frozenset({BREAKER})

_WARN_EVERY_SECONDS = 60.0

_log = logs.get(__name__)


class Waits:
    """The causes for which the stream stands still now: a line of readiness, a gauge, one log line a minute each."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._gauge = metrics.waiting
        self._clock = clock
        self._causes: dict[str, str] = {}
        self._warned: dict[str, float] = {}
        for cause in (ADDRESS_KEY, BREAKER, KAFKA, SALT):
            self._gauge.labels(cause).set(0)

    def __bool__(self) -> bool:
        return bool(self._causes)

    def __str__(self) -> str:
        """All causes in one line; empty when there is none."""
        return "; ".join(self._causes.values())

    def begin(self, cause: str, why: str) -> None:
        """Say that the stream waits for `cause`; may be said again and again."""
        self._causes[cause] = why
        self._gauge.labels(cause).set(1)
        now = self._clock.monotonic()
        if now - self._warned.get(cause, float("-inf")) >= _WARN_EVERY_SECONDS:
            self._warned[cause] = now
            say = _log.error if cause in _NEED_A_PERSON else _log.warning
            say("the stream waits", cause=cause, why=why)

    def end(self, cause: str) -> None:
        """Say that `cause` is over."""
        if self._causes.pop(cause, None) is not None:
            self._gauge.labels(cause).set(0)

    @contextmanager
    def until_left(self, cause: str) -> Iterator[None]:
        """End `cause` when the block is left, however it is left."""
        try:
            yield
        finally:
            self.end(cause)
