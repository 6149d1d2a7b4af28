"""What the writer waits for, by name: a gauge, a line in `/readyz`, and one log line when it begins and ends."""

from collections.abc import Callable
from enum import StrEnum

from eventrail import logs
from writer.metrics import Metrics

log = logs.get(__name__)


class Cause(StrEnum):
    """Whom the writer may wait for."""

    CLICKHOUSE = "clickhouse"
    TABLE = "table"
    KAFKA = "kafka"
    BREAKER = "breaker"


_NEEDS_A_PERSON = frozenset({Cause.TABLE, Cause.BREAKER})
"""A wrong table, or too many bad records; a backend that is away comes back by itself."""


class Waiting:
    """The causes that hold the writer now, each with its reason in words."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float]) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._why: dict[Cause, tuple[float, str]] = {}
        for cause in Cause:
            metrics.waiting.labels(cause).set(0)

    def begin(self, cause: Cause, why: str) -> None:
        """One more try failed because of `cause`."""
        self._metrics.retries.labels(cause).inc()
        since, known = self._why.get(cause, (self._monotonic(), ""))
        if why != known:
            say = log.error if cause in _NEEDS_A_PERSON else log.warning
            say("waiting, nothing is lost", cause=str(cause), why=why)
        self._why[cause] = (since, why)
        self._metrics.waiting.labels(cause).set(1)

    def end(self, cause: Cause) -> None:
        """`cause` holds nobody any more; does nothing when it held nobody."""
        known = self._why.pop(cause, None)
        if known is not None:
            self._metrics.waiting.labels(cause).set(0)
            log.warning(
                "waiting is over", cause=str(cause), waited_seconds=round(self._monotonic() - known[0], 1)
            )

    def __bool__(self) -> bool:
        """Whether anything is waited for."""
        return bool(self._why)

    def why(self, *causes: Cause) -> str | None:
        """Why the first of `causes` that is waited for holds the writer; None where none does."""
        return next((self._why[cause][1] for cause in causes if cause in self._why), None)
