"""A look at the worker once a second: its sessions, its lag, its progress."""

import os
from collections.abc import Callable, Mapping

from enricher.enrichments.session_state import expired
from enricher.intake import Intake
from enricher.metrics import Metrics
from enricher.publisher import Publisher
from enricher.sessions import Sessions
from enricher.waits import Waits
from eventrail import logs
from eventrail.clock import Clock
from eventrail.health import OK
from eventrail.watchdog import EXIT_STATUS, Watchdog

_log = logs.get(__name__)

_NUDGE_SECONDS = 5.0
_GROUP = -1
"""Beside the partitions: whether the worker has its share of them."""

Lag = Callable[[Mapping[int, int]], Mapping[int, int]]
"""Records that wait, by partition, given the next offset to be done."""


class Lookout:
    """Sees all parts of one worker and changes none, but for sessions that expired."""

    def __init__(
        self,
        intake: Intake,
        lag: Lag,
        sessions: Sessions,
        waits: Waits,
        publisher: Publisher,
        metrics: Metrics,
        clock: Clock,
        watchdog: Callable[[], Watchdog],
    ) -> None:
        self._intake = intake
        self._lag = lag
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
        await self._watch(self._measured_lag())

    def _measured_lag(self) -> Mapping[int, int]:
        done = self._intake.account.done
        lag = self._lag(done) if done else {}
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
            await self._intake.nudge(
                [number for number, seconds in stuck.items() if seconds >= _NUDGE_SECONDS]
            )

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
