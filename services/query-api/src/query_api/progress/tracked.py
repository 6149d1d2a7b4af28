"""Progress as surveys tell it, for whoever waits in this process. One event loop."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from eventrail.clock import Clock
from query_api.progress.holders import holders
from query_api.progress.lag import Lag
from query_api.progress.survey import Survey
from query_api.progress.tracker import Tracker

HELD_SECONDS: Final = 10.0
"""`data_through` counts as held when it has not moved for so long: twice what the writer waits for more events."""

NOT_ASKED: Final = "kafka was not asked yet"


class TrackedProgress:
    """Takes surveys, or why there is none, and tells what they come to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tracker = Tracker()
        self._fault: str | None = NOT_ASKED
        self._moved_at = clock.monotonic()
        self._next = asyncio.Event()
        """Set with the next survey, and then replaced."""

    def take(self, survey: Survey) -> None:
        """The next survey, which was begun after the one before it had ended."""
        before = self._tracker.data_through_ms
        self._tracker.take(survey)
        self._fault = None
        if self._tracker.data_through_ms != before:
            self._moved_at = self._clock.monotonic()
        self._next.set()
        self._next = asyncio.Event()

    def fail(self, reason: str) -> None:
        """There is no survey now. What was known stays true, but does not move on."""
        self._fault = reason

    @property
    def fault(self) -> str | None:
        """Why there is no survey now."""
        return self._fault

    def data_through_ms(self) -> int | None:
        return self._tracker.data_through_ms

    def held_by(self) -> tuple[str, ...]:
        if self._fault is not None:
            return (self._fault,)
        moves = self._clock.monotonic() - self._moved_at < HELD_SECONDS
        if moves and self._tracker.data_through_ms is not None:
            return ()
        return holders(self._tracker, self._clock.now_ms())

    async def wait_for(self, offsets: Mapping[int, int], seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._tracker.is_settled(offsets):
                    await self._next.wait()
        return self._tracker.is_settled(offsets)

    def lag(self) -> Lag:
        return Lag(self._clock.now_ms(), self._tracker.last, self.data_through_ms(), self.held_by())
