"""One replay: what is planned is looked up, noted, sent, and noted again, group by group."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from eventrail.clock import Clock
from eventrail.errors import KafkaUnavailable
from eventrail.rejected.entry import Entry
from eventrail.rejected.identity import Identity
from eventrail.rejected.patching import Patch
from eventrail.rejected.plan import Origin, Planned, Refusal, Refused, plan
from eventrail.rejected.trace import Outcome, Place, Run

LARGEST_GROUP: Final = 500
"""Most events that are looked up, noted and sent together."""

_GROUP_BYTES: Final = 8 * 1024 * 1024
_REMEMBERED: Final = 50_000


class Book(Protocol):
    """What was done and what is stored (eventrail.rejected.audit.Audit); its methods block."""

    def stored(self, wanted: Collection[Identity]) -> set[Identity]: ...

    def erased(self, wanted: Collection[Identity]) -> set[Identity]: ...

    def replayed(self, wanted: Collection[Origin]) -> set[Origin]: ...

    def note(
        self, run: Run, outcome: Outcome, at_ms: int, events: Sequence[tuple[Planned, Place | None]]
    ) -> None: ...


class Sends(Protocol):
    """Where events go (eventrail.rejected.outbox.Outbox)."""

    def has_partition(self, event: Planned) -> bool: ...

    async def send(self, events: Sequence[Planned]) -> list[Place | None]: ...


Tell = Callable[[Planned | Refused, Place | None], None]
"""Hears of each event: refused, sent (with its place), or, in a dry run, what would be sent (without)."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for; `rate` is in events per second, above 0."""

    patch: Patch | None
    rate: float
    again: bool
    dry_run: bool


class Replay:
    """Replays entries; `sleep` takes seconds."""

    def __init__(
        self,
        order: Order,
        run: Run,
        book: Book,
        outbox: Sends,
        tell: Tell,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._order = order
        self._run = run
        self._book = book
        self._outbox = outbox
        self._tell = tell
        self._clock = clock
        self._sleep = sleep
        self._group_size = max(1, min(LARGEST_GROUP, int(order.rate)))
        self._group: list[Planned] = []
        self._bytes = 0
        self._seen: OrderedDict[Origin, None] = OrderedDict()
        self._due = float("-inf")

    async def run(self, entries: AsyncIterator[Entry]) -> None:
        """Replay all of `entries`. Raises KafkaUnavailable, ClickHouseUnavailable or ConfigurationError.

        What was told of before that is done, and is refused when the replay is started again.
        """
        async for entry in entries:
            for item in plan(entry, self._order.patch):
                self._take(item)
            if len(self._group) >= self._group_size or self._bytes >= _GROUP_BYTES:
                await self._flush()
        await self._flush()

    def _take(self, item: Planned | Refused) -> None:
        if isinstance(item, Refused):
            self._tell(item, None)
        elif not self._outbox.has_partition(item):
            detail = f"{item.topic} has no partition {item.partition} any more"
            self._tell(item.refused(Refusal.NO_PARTITION, detail), None)
        elif self._is_copy(item.origin):
            self._tell(item.refused(Refusal.REPLAYED, "a copy of it was met before in this replay"), None)
        else:
            self._group.append(item)
            self._bytes += len(item.value)

    def _is_copy(self, origin: Origin) -> bool:
        if origin in self._seen:
            return True
        self._seen[origin] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return False

    async def _flush(self) -> None:
        group, self._group, self._bytes = self._group, [], 0
        # A whole chunk may be more than a group.
        for begin in range(0, len(group), self._group_size):
            await self._do(await self._permitted(group[begin : begin + self._group_size]))

    async def _permitted(self, group: list[Planned]) -> list[Planned]:
        """Those that neither are stored or erased nor were replayed before; the others are told of."""
        identities = {item.identity for item in group}
        erased = await asyncio.to_thread(self._book.erased, identities)
        stored = await asyncio.to_thread(self._book.stored, identities)
        origins = set() if self._order.again else {item.origin for item in group}
        replayed = await asyncio.to_thread(self._book.replayed, origins)
        permitted = []
        for item in group:
            if item.identity in erased:
                self._tell(item.refused(Refusal.ERASED, "the event was erased on request"), None)
            elif item.identity in stored:
                self._tell(item.refused(Refusal.STORED, "the event is in the table"), None)
            elif item.origin in replayed:
                detail = "it was sent by an earlier replay; --again sends it once more"
                self._tell(item.refused(Refusal.REPLAYED, detail), None)
            else:
                permitted.append(item)
        return permitted

    async def _do(self, group: list[Planned]) -> None:
        if self._order.dry_run:
            for item in group:
                self._tell(item, None)
        elif group:
            await self._pace(len(group))
            await self._send(group)

    async def _pace(self, count: int) -> None:
        """Wait until the group before has taken its time; one that was late is not made up for."""
        await self._sleep(max(0.0, self._due - self._clock.monotonic()))
        self._due = self._clock.monotonic() + count / self._order.rate

    async def _send(self, group: list[Planned]) -> None:
        # Noted before it is sent: whatever ends this process in between leaves a trace.
        await self._note(Outcome.INTENDED, [(item, None) for item in group])
        places = await self._outbox.send(group)
        sent = [(item, place) for item, place in zip(group, places, strict=True) if place is not None]
        if sent:
            await self._note(Outcome.SENT, sent)
        for item, place in sent:
            self._tell(item, place)
        if len(sent) < len(group):
            raise KafkaUnavailable(
                f"{len(group) - len(sent)} of {len(group)} events were not acknowledged, from "
                f"{next(item for item, place in zip(group, places, strict=True) if place is None).address} on; "
                "run the replay again"
            )

    async def _note(self, outcome: Outcome, events: Sequence[tuple[Planned, Place | None]]) -> None:
        await asyncio.to_thread(self._book.note, self._run, outcome, self._clock.now_ms(), events)
