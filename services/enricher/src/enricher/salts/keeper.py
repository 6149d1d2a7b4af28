"""Keeps the salts: takes them from the topic, makes those that are wanted, and has those removed whose time is over."""

import os
from collections.abc import Callable
from typing import Final

from enricher.lookups.salts import DaySalts
from enricher.metrics import Metrics
from enricher.salts import days
from enricher.salts.agreement import Agreement, agree, record_key
from enricher.salts.log import SaltLog
from enricher.salts.sealing import SALT_BYTES, SaltSealer
from eventrail import logs
from eventrail.clock import Clock
from eventrail.errors import KafkaUnavailable

_LOOK_EVERY_SECONDS: Final = 10.0
_SUFFIX_BYTES: Final = 8
_CLOCKS_APART_MS: Final = 10 * 60 * 1000
_CLOCK_KEY: Final = b"clock"
"""Key of the record that asks the broker for its time. It also begins a new segment, so that the cleaner can work."""

_log = logs.get(__name__)


class SaltKeeper:
    """Brings what the topic says into `salts`, again and again.

    `leads` says whether this process is the one that makes and removes salts; two of them at once do no harm.
    A salt is used only after it was read from the topic, never because this process has made it.
    """

    def __init__(
        self,
        log: SaltLog,
        sealer: SaltSealer,
        salts: DaySalts,
        leads: Callable[[], bool],
        clock: Clock,
        metrics: Metrics,
        clean_every_seconds: float,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._log = log
        self._sealer = sealer
        self._salts = salts
        self._leads = leads
        self._clock = clock
        self._metrics = metrics
        self._clean_every = clean_every_seconds
        self._random = random_bytes
        self._found = Agreement()
        self._look_at = float("-inf")
        self._clean_at = float("-inf")

    async def tick(self) -> None:
        """To be called each second; looks every ten, or each time while a salt is wanted. Kafka may be away."""
        if self._clock.monotonic() < self._look_at:
            return
        try:
            await self.look(make=self._leads())
        except KafkaUnavailable as error:
            _log.warning("the salts cannot be looked after now; those in memory stay in use", why=str(error))
            self._forget()
            self._look_at = self._clock.monotonic() + _LOOK_EVERY_SECONDS

    async def look(self, *, make: bool) -> None:
        """Read the topic and take its salts; `make` those that are wanted and clean up. Raises KafkaUnavailable."""
        found = await self._read()
        if make and (lacking := found.lacks(days.wanted(self._clock.now_ms()))):
            await self._log.append([self._candidate(day) for day in lacking])
            found = await self._read()
        if make and self._clock.monotonic() >= self._clean_at:
            await self._clean(found)
        lacks = found.lacks(days.wanted(self._clock.now_ms()))
        self._look_at = self._clock.monotonic() + (0 if lacks else _LOOK_EVERY_SECONDS)

    async def _read(self) -> Agreement:
        found = agree(await self._log.read(), self._sealer)
        self._found = found
        self._forget()
        return found

    def _forget(self) -> None:
        """Let `salts` know what was found last, but for the days whose time is over; those are forgotten here too."""
        first_kept = days.first_kept(self._clock.now_ms())
        self._found.forget(first_kept)
        self._salts.know(self._found.salts, first_kept, self._found.unreadable)
        self._metrics.salts.set(len(self._salts))

    def _candidate(self, day: int) -> tuple[bytes, bytes]:
        # A new key each time, also after an append whose fate is unknown: a key that is written twice could
        # lose its place in the log to compaction.
        key = record_key(day, self._random(_SUFFIX_BYTES))
        return key, self._sealer.seal(self._random(SALT_BYTES), key)

    async def _clean(self, found: Agreement) -> None:
        """Write tombstones for what is overdue, again and again until the broker has removed it from its disk."""
        overdue = found.overdue(days.first_kept(self._clock.now_ms()))
        self._metrics.salts_overdue.set(len(overdue))
        if overdue and await self._clocks_agree():
            await self._log.append([(key, None) for key in overdue])
        self._clean_at = self._clock.monotonic() + self._clean_every

    async def _clocks_agree(self) -> bool:
        """Whether the broker's clock is near ours: a clock that runs ahead must not take away salts that are in use."""
        await self._log.append([(_CLOCK_KEY, None)])
        broker_ms = max(record.at_ms for record in await self._log.read())
        ahead_ms = self._clock.now_ms() - broker_ms
        if ahead_ms <= _CLOCKS_APART_MS:
            return True
        _log.error(
            "no salt is removed: this machine's clock is ahead of the broker's", seconds=ahead_ms // 1000
        )
        return False
