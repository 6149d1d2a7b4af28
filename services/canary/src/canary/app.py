"""The canary put together: one task sends, one looks, until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import ceil
from secrets import token_hex
from typing import Final

from prometheus_client import Counter

from canary.doors import Collector, QueryApi, Refused, Unreachable, client
from canary.metrics import Metrics, metrics
from canary.settings import CanarySettings
from canary.watch import Watch
from eventrail import logs
from eventrail.clock import Clock, SystemClock
from eventrail.health import OK, Health, serving, side_door
from eventrail.lifecycle import unless
from eventrail.metrics import registry
from eventrail.settings import load

log = logs.get(__name__)

_FORGET_SECONDS: Final = 3600.0
_SPARE_ROWS: Final = 10
_NOT_YET: Final = "nothing was tried yet"


@dataclass
class Canary:
    """What sends and what looks share; `send` and `look` do it once and raise nothing of the doors."""

    settings: CanarySettings
    collector: Collector
    query_api: QueryApi
    watch: Watch
    figures: Metrics
    clock: Clock
    number: int = 0
    sending: str = _NOT_YET
    looking: str = _NOT_YET

    async def send(self) -> None:
        """Send the next event, and watch it from now on where it was accepted."""
        self.number += 1
        sent_at = self.clock.monotonic()

        async def send() -> None:
            self.watch.accepted(await self.collector.send(self.number), sent_at)

        self.sending = await _tried(send, self.figures.sent, "sending", self.sending)

    async def look(self) -> None:
        """Look at the newest answers, and tell what became of the events that are watched; none are, none is asked."""
        oldest = self.watch.oldest(self.clock.monotonic())
        if oldest is None:
            return

        async def look() -> None:
            self._note(
                await self.query_api.newest(int(oldest / self.settings.interval_seconds) + _SPARE_ROWS)
            )

        self.looking = await _tried(look, self.figures.looks, "looking", self.looking)
        now = self.clock.monotonic()
        self.figures.lost.inc(self.watch.lost(now))
        self.figures.missing.set(self.watch.missing(now))

    def _note(self, answered: list[str]) -> None:
        sighting = self.watch.seen(answered, self.clock.monotonic())
        for age in sighting.ages.values():
            self.figures.seconds.observe(age)
        if sighting.repeated:
            self.figures.repeated.inc(len(sighting.repeated))
            log.error("an answer has an event twice", event_ids=sorted(sighting.repeated))

    def health(self) -> Health:
        """Ready from its start on: it serves nobody, and what it finds is told by its metrics."""

        async def sending() -> str:
            return self.sending

        async def looking() -> str:
            return self.looking

        return Health({"collector": sending, "query-api": looking})


async def _tried(work: Callable[[], Awaitable[None]], outcomes: Counter, what: str, before: str) -> str:
    """Do it and count its outcome; returns "ok" or why not. A change is logged, what stays the same is not."""
    try:
        await work()
    except (Unreachable, Refused) as error:
        outcomes.labels("refused" if isinstance(error, Refused) else "unreachable").inc()
        if str(error) != before:
            log.warning("it failed", doing=what, reason=str(error))
        return str(error)
    outcomes.labels("ok").inc()
    if before not in (OK, _NOT_YET):
        log.info("it works again", doing=what)
    return OK


async def run(stop: asyncio.Event) -> None:
    """Send, look and serve metrics until `stop` is set.

    Raises ConfigurationError for a wrong setting, and OSError when the address to listen at cannot be bound.
    """
    settings, figures, process = load(CanarySettings), registry("canary"), token_hex(8)
    async with client(settings.request_seconds) as http:
        canary = Canary(
            settings,
            Collector(http, settings.collector_url, settings.website, process),
            QueryApi(http, settings.query_api_url, settings.website, process, settings.key),
            Watch(settings.patience_seconds, max(_FORGET_SECONDS, settings.patience_seconds)),
            metrics(figures),
            SystemClock(),
        )
        async with serving(side_door(canary.health(), figures), settings.listen):
            log.info("started", listen=settings.listen, website=settings.website)
            await unless(stop, _work(canary))
        log.info("stopped")


async def _work(canary: Canary) -> None:
    """Send and look, each in its turns, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_each(canary.settings.interval_seconds, canary.send, canary.clock))
        group.create_task(_each(canary.settings.look_seconds, canary.look, canary.clock))


async def _each(seconds: float, work: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Do it now and every `seconds`."""
    due = clock.monotonic()
    while True:
        await work()
        now = clock.monotonic()
        due = next_turn(due, now, seconds)
        await asyncio.sleep(due - now)


def next_turn(due: float, now: float, seconds: float) -> float:
    """When the turn after that of `due` is, which ended at `now`: those that it covered are left out."""
    return due + seconds * max(1, ceil((now - due) / seconds))
