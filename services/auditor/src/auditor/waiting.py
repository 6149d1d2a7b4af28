"""What the auditor waits for, by name, and trying again for ever at a growing pace."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

from auditor.errors import LedgerFault
from auditor.metrics import Metrics
from eventrail import logs
from eventrail.errors import KafkaUnavailable, UnavailableError

log = logs.get(__name__)

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.2


class Cause(StrEnum):
    """Whom the auditor may wait for."""

    KAFKA = "kafka"
    CLICKHOUSE = "clickhouse"
    TABLES = "tables"


def cause_of(error: UnavailableError | LedgerFault) -> Cause:
    """Whom to wait for."""
    if isinstance(error, LedgerFault):
        return Cause.TABLES
    return Cause.KAFKA if isinstance(error, KafkaUnavailable) else Cause.CLICKHOUSE


class Waiting:
    """The causes that hold a part of the auditor now, each with its reason in words."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float]) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._why: dict[tuple[str, Cause], tuple[float, str]] = {}
        for cause in Cause:
            metrics.waiting.labels(cause).set(0)

    def begin(self, who: str, cause: Cause, why: str) -> None:
        """One more try of `who` failed because of `cause`."""
        since, known = self._why.get((who, cause), (self._monotonic(), ""))
        if not known:
            # A missing table needs a person; a backend that is away comes back by itself.
            say = log.error if cause is Cause.TABLES else log.warning
            say("waiting, nothing is lost", part=who, cause=str(cause), why=why)
        self._why[who, cause] = (since, why)
        self._metrics.waiting.labels(cause).set(1)

    def end(self, who: str) -> None:
        """Nothing holds `who` any more."""
        for known in [key for key in self._why if key[0] == who]:
            since, _why = self._why.pop(known)
            waited = round(self._monotonic() - since, 1)
            log.warning("waiting is over", part=who, cause=str(known[1]), waited_seconds=waited)
            self._metrics.waiting.labels(known[1]).set(int(self.why(known[1]) is not None))

    def why(self, *causes: Cause) -> str | None:
        """Why one of `causes` holds a part of the auditor; None where none does."""
        return next((why for (_who, cause), (_since, why) in self._why.items() if cause in causes), None)


class Retry:
    """Runs an attempt until it succeeds; between two tries `waiting` names the cause."""

    def __init__(self, who: str, waiting: Waiting, longest_seconds: float) -> None:
        self._who = who
        self._waiting = waiting
        self._longest_seconds = longest_seconds

    async def __call__(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The answer of the first `attempt` that raises neither UnavailableError nor LedgerFault."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while True:
                try:
                    return await attempt()
                except (UnavailableError, LedgerFault) as error:
                    self._waiting.begin(self._who, cause_of(error), str(error))
                await asyncio.sleep(min(pause, self._longest_seconds))
                pause = min(pause * 2, self._longest_seconds)
        finally:
            self._waiting.end(self._who)
