"""A look at the worker once a second: its sessions, its lag, its progress."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from enricher.enrichments.session_state import expired
from enricher.intake import Intake
from enricher.metrics import Metrics
from enricher.publisher import Publisher
from enricher.sessions import Sessions
from enricher.waits import Waits
from eventrail import logs
from eventrail.clock import Clock
from eventrail.errors import KafkaUnavailable
from eventrail.health import OK
from eventrail.watchdog import EXIT_STATUS, Watchdog

_log = logs.get(__name__)

_NUDGE_SECONDS = 5.0
_NUDGE_LIMIT_SECONDS = 10.0
_ENDS_EVERY_SECONDS = 5.0
_GROUP = -1
"""Beside the partitions: whether the worker has its share of them."""


class Ends(Protocol):
    """Where the raw topic ends; `raw_ends.RawEnds` is the real one."""

    async def ends(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Offset of the next record, by partition. Raises KafkaUnavailable, and takes some seconds at most."""
        ...


class Lookout:
    """Sees all parts of one worker and changes none, but for sessions that expired."""

    def __init__(
        self,
        intake: Intake,
        ends: Ends,
        sessions: Sessions,
        waits: Waits,
        publisher: Publisher,
        metrics: Metrics,
        clock: Clock,
        watchdog: Callable[[], Watchdog],
    ) -> None:
        self._intake = intake
        self._ends = ends
        self._known_ends: Mapping[int, int] = {}
        self._asked_at = float("-inf")
        self._sessions = sessions
        self._waits = waits
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._watchdog = watchdog
        self._dogs: dict[int, Watchdog] = {}

    async def look(self) -> None:
        """One look. Ends the process with status 3 when nothing moves for too long and nothing excuses it."""
        self._sessions.sweep(expired, self._intake.account.replay_starts())
        self._metrics.sessions.set(len(self._sessions))
        await self._ask_ends()
        await self._watch(self._measured_lag())

    async def _ask_ends(self) -> None:
        # The broker is asked: what the consumer knows of the ends, it knows from fetching, and that may have died.
        account, now = self._intake.account, self._clock.monotonic()
        is_fresh = (
            now - self._asked_at < _ENDS_EVERY_SECONDS and account.done.keys() <= self._known_ends.keys()
        )
        if is_fresh or not account.done:
            return
        self._asked_at = now
        try:
            self._known_ends = await self._ends.ends(sorted(account.done))
        except KafkaUnavailable as error:
            _log.warning("the end of the raw topic is not known", why=str(error))

    def _measured_lag(self) -> Mapping[int, int]:
        """Records that wait, by partition, as far as the ends are known."""
        lag = {
            partition: max(0, self._known_ends[partition] - offset)
            for partition, offset in self._intake.account.done.items()
            if partition in self._known_ends
        }
        self._metrics.lag.clear()
        for partition, records in lag.items():
            self._metrics.lag.labels(str(partition)).set(records)
        return lag

    async def _watch(self, lag: Mapping[int, int]) -> None:
        stuck = self._stuck(lag)
        longest = max(stuck.values())
        if longest and await self._publisher.reachable() != OK:
            for dog in self._dogs.values():
                dog.excuse()
        elif self._dogs[_GROUP].barks(longest):
            _log.error("no progress although records wait; ending", seconds=round(longest), lag=dict(lag))
            os._exit(EXIT_STATUS)
        else:
            await self._nudge([number for number, seconds in stuck.items() if seconds >= _NUDGE_SECONDS])

    async def _nudge(self, partitions: Sequence[int]) -> None:
        # It goes through the consumer's thread, which may be what hangs: the next look must come all the same.
        try:
            async with asyncio.timeout(_NUDGE_LIMIT_SECONDS):
                await self._intake.nudge(partitions)
        except TimeoutError:
            _log.warning("the consumer does not answer", partitions=list(partitions))

    def _stuck(self, lag: Mapping[int, int]) -> Mapping[int, float]:
        """Seconds for which each partition stands still; a named wait excuses all of them."""
        account, now, excused = self._intake.account, self._clock.monotonic(), bool(self._waits)
        # A worker between two generations has nothing to show, but must not stay there for ever either.
        facts: dict[int, tuple[object, bool]] = {_GROUP: (account.generation, account.generation is None)}
        for partition, records in lag.items():
            facts[partition] = ((account.generation, account.done.get(partition)), records > 0)
        self._dogs = {name: self._dogs.get(name) or self._watchdog() for name in facts}
        return {
            name: self._dogs[name].stuck_seconds(now, progress, waiting=waits and not excused)
            for name, (progress, waits) in facts.items()
        }
