"""One survey after the other, for as long as the process lives; while Kafka is away, tries at a growing pace."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, NoReturn, Protocol

from eventrail import logs
from eventrail.errors import ConfigurationError, KafkaUnavailable, TopicMissing
from query_api.metrics import Metrics
from query_api.progress.survey import Survey
from query_api.progress.tracked import TrackedProgress

_log = logs.get(__name__)

AWAY: Final = "kafka does not answer"
"""What clients are told; which broker and why is for the log."""

FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 5.0
_TOLD_AT: Final = 2
"""The failure in a row that is logged: the first one mostly is a coordinator that moves, and over at the next try."""


class Surveyor(Protocol):
    """Finds out how far everybody is."""

    async def survey(self) -> Survey:
        """Raises KafkaUnavailable; connect anew then."""
        ...


Connect = Callable[[], AbstractAsyncContextManager[Surveyor]]
"""Opens a Surveyor; raises KafkaUnavailable or ConfigurationError."""


async def watch(
    progress: TrackedProgress, connect: Connect, every_seconds: float, metrics: Metrics
) -> NoReturn:
    """Feed `progress` until cancelled: a survey, then `every_seconds` of rest."""
    watcher = _Watcher(progress, every_seconds, metrics)
    while True:
        try:
            async with connect() as surveyor:
                await watcher.surveys(surveyor)
        except Exception as error:  # whatever it is: without another try nothing would be known ever again
            watcher.failed(error)
        await asyncio.sleep(watcher.pause)


@asynccontextmanager
async def watching(
    progress: TrackedProgress, connect: Connect, every_seconds: float, metrics: Metrics
) -> AsyncIterator[None]:
    """`watch` in the background for as long as the block lasts."""
    task = asyncio.create_task(watch(progress, connect, every_seconds, metrics))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


class _Watcher:
    def __init__(self, progress: TrackedProgress, every_seconds: float, metrics: Metrics) -> None:
        self._progress = progress
        self._every_seconds = every_seconds
        self._metrics = metrics
        self._failures = 0
        self.pause = FIRST_PAUSE_SECONDS

    async def surveys(self, surveyor: Surveyor) -> NoReturn:
        while True:
            self._progress.take(await surveyor.survey())
            self._metrics.surveys.labels("done").inc()
            if self._failures >= _TOLD_AT:
                _log.info("kafka answers again, data_through moves on")
            self._failures = 0
            await asyncio.sleep(self._every_seconds)

    def failed(self, error: Exception) -> None:
        self._failures += 1
        self.pause = min(FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE_SECONDS)
        self._metrics.surveys.labels("failed").inc()
        self._progress.fail(str(error) if isinstance(error, TopicMissing) else AWAY)
        if self._failures == _TOLD_AT:
            known = isinstance(error, KafkaUnavailable | ConfigurationError)
            trace, reason = (None, str(error)) if known else (error, repr(error))
            _log.warning("data_through does not move, answers go on", reason=reason, exc_info=trace)
