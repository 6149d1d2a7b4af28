"""Try again for ever, at a growing pace, and say what is waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import random
from typing import TypeVar

from eventrail.errors import KafkaUnavailable, UnavailableError
from writer.errors import LineHeld, TableFault
from writer.waiting import Cause, Waiting

T = TypeVar("T")

Awaited = UnavailableError | TableFault | LineHeld
"""What goes away by waiting, or by what a person does meanwhile."""

BACKENDS = (UnavailableError, TableFault)
"""What is waited for when a backend is asked."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses in seconds: `first`, doubled each time, never above `longest`."""

    first: float = 0.2
    longest: float = 5.0

    def pause(self, tries: int, fraction: float) -> float:
        """Pause after `tries` failed tries (from 1); `fraction` from 0 to 1 spreads it over its upper half."""
        full = min(self.first * 2.0 ** min(tries - 1, 60), self.longest)
        return full * (0.5 + 0.5 * fraction)


def cause_of(error: Awaited) -> Cause:
    """Whom to wait for."""
    if isinstance(error, LineHeld):
        return Cause.BREAKER
    if isinstance(error, TableFault):
        return Cause.TABLE
    return Cause.KAFKA if isinstance(error, KafkaUnavailable) else Cause.CLICKHOUSE


class Retry:
    """Runs an attempt until it raises none of `errors`; between two tries `waiting` names the cause."""

    def __init__(
        self,
        backoff: Backoff,
        waiting: Waiting,
        spread: Callable[[], float] = random,
        errors: tuple[type[Awaited], ...] = BACKENDS,
    ) -> None:
        self._backoff = backoff
        self._waiting = waiting
        self._errors = errors
        self._spread = spread

    async def __call__(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The answer of the first `attempt` that raises none of the errors.

        Every other error passes. A cancelled wait leaves no cause behind.
        """
        tries = 0
        waited_for: set[Cause] = set()
        try:
            while True:
                try:
                    return await attempt()
                except self._errors as error:
                    tries += 1
                    waited_for.add(cause_of(error))
                    self._waiting.begin(cause_of(error), str(error))
                await asyncio.sleep(self._backoff.pause(tries, self._spread()))
        finally:
            for cause in waited_for:
                self._waiting.end(cause)
