"""A look at the writer's progress every few seconds; one that stands still for too long is ended."""

import os
from collections.abc import Callable, Mapping
from typing import Protocol

from eventrail import logs
from eventrail.clock import Clock
from eventrail.errors import KafkaUnavailable
from eventrail.watchdog import EXIT_STATUS, Watchdog
from writer.group_offsets import Place
from writer.waiting import Waiting

log = logs.get(__name__)


class Offsets(Protocol):
    """Where the group stands; `group_offsets.GroupOffsets` is the real one."""

    async def places(self) -> Mapping[int, Place]: ...


class Reading(Protocol):
    """The part that reads; `stream.Stream` is the real one. None stands for "not begun"."""

    @property
    def partitions(self) -> frozenset[int] | None: ...


class Lookout:
    """Judges by what the broker has as committed, never by what the consumer says of itself."""

    def __init__(
        self,
        offsets: Offsets,
        waiting: Waiting,
        watchdog: Watchdog,
        clock: Clock,
        steps: Callable[[], int],
    ) -> None:
        self._offsets = offsets
        self._waiting = waiting
        self._watchdog = watchdog
        self._clock = clock
        self._steps = steps
        self.reading: Reading | None = None

    async def look(self) -> None:
        """One look. Ends the process with status 3 when nothing moves for too long and nothing excuses it."""
        try:
            places = await self._offsets.places()
        except KafkaUnavailable:
            # Nobody could commit now. The consumer says so itself, if it is asked.
            self._watchdog.excuse()
            return
        self._judge(places)

    def _judge(self, places: Mapping[int, Place]) -> None:
        ours = self.reading.partitions if self.reading else None
        # A writer must not hang outside its group for ever, so without a place in it the lag of all counts.
        mine = {number: place for number, place in places.items() if ours is None or number in ours}
        lag = {number: place.lag for number, place in mine.items() if place.lag}
        committed = {} if ours is None else {number: place.committed for number, place in mine.items()}
        stuck = self._watchdog.stuck_seconds(
            self._clock.monotonic(),
            (ours, committed, self._steps()),
            waiting=bool(lag) and not self._waiting,
        )
        if self._watchdog.barks(stuck):
            _end(stuck, lag, ours)


def _end(stuck: float, lag: Mapping[int, int], ours: frozenset[int] | None) -> None:
    log.error(
        "no commit although records wait and nothing excuses it; the process ends to be started anew",
        seconds=round(stuck),
        lag=dict(lag),
        partitions="no place in the group" if ours is None else sorted(ours),
        exit_status=EXIT_STATUS,
    )
    os._exit(EXIT_STATUS)
