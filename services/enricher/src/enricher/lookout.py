"""A look at the worker once a second: its sessions, its lag, its progress."""

import os
from collections.abc import Callable, Mapping

from enricher.enrichments.session_state import expired
from enricher.intake import Intake
from enricher.metrics import Metrics
from enricher.publisher import Publisher
from enricher.sessions import Sessions
from enricher.waits import Waits
from enricher.watchdog import EXIT_STATUS, Watchdog
from eventrail import logs
from eventrail.clock import Clock
from eventrail.health import OK

_log = logs.get(__name__)

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
        watchdog: Watchdog,
    ) -> None:
        self._intake = intake
        self._lag = lag
        self._sessions = sessions
        self._waits = waits
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._watchdog = watchdog

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
        account = self._intake.account
        # A worker between two generations has nothing to show, but must not stay there for ever either.
        waiting = not self._waits and (account.generation is None or any(lag.values()))
        progress = (account.generation, dict(account.done))
        stuck = self._watchdog.stuck_seconds(self._clock.monotonic(), progress, waiting=waiting)
        if stuck and await self._publisher.reachable() != OK:
            self._watchdog.excuse()
        elif self._watchdog.barks(stuck):
            _log.error("no progress although records wait; ending", seconds=round(stuck), lag=dict(lag))
            os._exit(EXIT_STATUS)
