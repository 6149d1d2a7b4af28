"""Erasures carried out: what is asked for on the topic is known to the tables, deleted, and kept away for good.

Each writer does all of it for each request; doing it twice changes nothing. Why no copy comes back:

- A batch is written only while the writer knows every request that was acknowledged FRESH_SECONDS ago or earlier; rows
  that these mean are left out (`withhold`).
- What was written is looked up once more before its offsets are committed (`recall`), and whoever leaves a row out
  deletes its stored copies after having remembered it: of two writers with copies of an event, one sees the other.
- A request is done when the group has committed all that could have been read before every writer knew it, when no
  replay that began before is still writing, and when it was swept once more after that (docs/adr/0018-erasure.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from eventrail import logs
from eventrail.clock import Clock
from eventrail.erasures.request import Erasure, decoded
from eventrail.errors import ContractError
from eventrail.rows.events import Row
from writer.erasure_tables import ErasureTables
from writer.group_offsets import Place
from writer.metrics import Metrics
from writer.retry import Retry
from writer.withholding import (
    Known,
    Memory,
    Split,
    concerned,
    event_keys,
    split,
    visitor_keys,
    without,
)

T = TypeVar("T")
log = logs.get(__name__)

FRESH_SECONDS: Final = 1.0
"""How long a writer may go on without asking whether there are new requests."""

_LOOK_SECONDS: Final = 0.5
_VISIBLE_WITHIN_MS: Final = 600_000
"""Longest time from the moment that stands in a row of `erased_events` until everybody can read it."""

_REWRITES_SECONDS: Final = 2.0
_STILL_SWEPT_MS: Final = 24 * 3_600_000
"""A writer that starts sweeps what was asked for in this time, also where it is done: an earlier process may have been
stopped for minutes, have written then, and have died before it looked up what it wrote."""


class Requests(Protocol):
    """Where requests come from; `erasure_topic.ErasureTopic` is the real one."""

    async def read(self, position: int) -> tuple[list[bytes | None], int]: ...

    async def end(self) -> int: ...


class Offsets(Protocol):
    """Where the group stands; `group_offsets.GroupOffsets` is the real one."""

    async def places(self) -> Mapping[int, Place]: ...


class Erasing:
    """The erasures as one writer knows them and carries them out; `run` has to run for `withhold` to answer.

    `tables` is for the way of the batches, `sweeping` for what may take long. Up to `most` events, and as many
    visitors, are held in memory; with more the tables are asked for each batch.
    """

    def __init__(
        self,
        requests: Requests,
        tables: ErasureTables,
        sweeping: ErasureTables,
        offsets: Offsets,
        retry: Retry,
        metrics: Metrics,
        clock: Clock,
        most: int,
    ) -> None:
        self._requests = requests
        self._tables = tables
        self._sweeping = sweeping
        self._offsets = offsets
        self._retry = retry
        self._metrics = metrics
        self._clock = clock
        self._most = most
        self._memory = Memory(most)
        self._seen_to_ms = 0
        self._websites: set[str] = set()
        self._done: set[UUID] = set()
        self._known_to = 0
        self._more_known = asyncio.Event()
        self._fresh_at = float("-inf")
        self._to_sweep: asyncio.Queue[Erasure] = asyncio.Queue()
        self._swept: asyncio.Queue[Erasure] = asyncio.Queue()
        self._open: dict[UUID, Erasure] = {}
        metrics.erasure_oldest.set_function(self._oldest_seconds)

    async def run(self) -> None:
        """Learn of requests and carry them out until cancelled; waits for ever while a backend is away."""
        self._done = await self._retry(lambda: asyncio.to_thread(self._tables.done))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._learn_for_ever())
            group.create_task(self._again_and_again(self._sweep_next))
            group.create_task(self._again_and_again(self._finish_next))

    # The way of the batches.

    async def withhold(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Those of `rows` that may be written now; the others are remembered and deleted where they are stored.

        Waits until every request is known that was acknowledged FRESH_SECONDS ago or earlier.
        """
        await self._fresh()
        parted = await self._parted(rows)
        if parted is None:
            return rows
        await self._retry(lambda: asyncio.to_thread(self._tables.forget, parted.erased))
        self._metrics.erased.inc(len(rows) - len(parted.kept))
        return parted.kept

    async def recall(self, rows: Sequence[Row]) -> None:
        """Delete those of `rows`, which were just written, that turn out to be meant by an erasure."""
        # This process may have been stopped since they were withheld.
        await self._fresh()
        parted = await self._parted(rows)
        if parted is not None:
            await self._retry(lambda: asyncio.to_thread(self._tables.forget, parted.erased, stored=True))
            self._metrics.erased.inc(len(rows) - len(parted.kept))

    async def _parted(self, rows: Sequence[Row]) -> Split | None:
        """None where no erasure is about any of `rows`: then nothing but their websites was looked at."""
        some = concerned(rows, self._websites)
        if not some:
            return None
        known = await self._known(some)
        parted = await asyncio.to_thread(split, some, known)
        if not parted.erased:
            return None
        gone = {one[:2] for one in parted.erased}
        return Split(without(rows, self._websites, gone), parted.erased)

    async def _known(self, some: list[Row]) -> Known:
        """What is remembered, as far as it is about `some` rows at least."""
        if not self._memory.full:
            await self._remember_newer()
        if not self._memory.full:
            return self._memory.known()
        keys = event_keys(some), visitor_keys(some)
        return await self._retry(lambda: asyncio.to_thread(self._tables.known, *keys))

    async def _remember_newer(self) -> None:
        """What any writer has remembered since this one looked last."""
        since = max(self._seen_to_ms - _VISIBLE_WITHIN_MS, 0)
        erased, seen_to_ms = await self._retry(
            lambda: asyncio.to_thread(self._tables.erased_since, since, self._most + 1)
        )
        self._seen_to_ms = max(self._seen_to_ms, seen_to_ms)
        if len(erased) > self._most:
            self._memory = Memory(0)
        self._memory.add_events(erased)

    async def _fresh(self) -> None:
        asked_at = self._clock.monotonic()
        if asked_at - self._fresh_at < FRESH_SECONDS:
            return
        end = await self._retry(self._requests.end)
        while self._known_to < end:
            self._more_known.clear()
            await self._more_known.wait()
        self._fresh_at = asked_at

    # The way of the requests.

    async def _learn_for_ever(self) -> None:
        while True:
            values, position = await self._retry(lambda: self._requests.read(self._known_to))
            if values:
                await self._learn(_good(values))
            # Also without values: retention, or a topic that was created anew.
            self._known_to = position
            self._more_known.set()

    async def _learn(self, erasures: Sequence[Erasure]) -> None:
        new = [one for one in erasures if one.erasure_id not in self._done]
        self._open.update({one.erasure_id: one for one in new})
        await self._retry(lambda: asyncio.to_thread(self._tables.remember, new, self._clock.now_ms()))
        self._memory.add_visitors(erasures)
        self._websites |= {one.website_id for one in erasures}
        youngest = self._clock.now_ms() - _STILL_SWEPT_MS
        for one in erasures:
            if one.erasure_id not in self._done or one.requested_at_ms > youngest:
                self._to_sweep.put_nowait(one)

    async def _sweep_next(self) -> None:
        erasure = await self._to_sweep.get()
        await self._sweep(erasure)
        if erasure.erasure_id not in self._done:
            self._swept.put_nowait(erasure)

    async def _sweep(self, erasure: Erasure) -> None:
        deleted = await self._retry(lambda: asyncio.to_thread(self._sweeping.sweep, erasure))
        self._metrics.erased.inc(deleted)
        if deleted:
            log.info(
                "events were erased",
                website=erasure.website_id,
                erasure=str(erasure.erasure_id),
                events=deleted,
            )

    async def _finish_next(self) -> None:
        erasures = [await self._swept.get()]
        while not self._swept.empty():
            erasures.append(self._swept.get_nowait())
        await self._until_nothing_is_on_its_way()
        for erasure in erasures:
            await self._sweep(erasure)
        await self._retry(lambda: asyncio.to_thread(self._sweeping.finish, erasures, self._clock.now_ms()))
        self._done |= {one.erasure_id for one in erasures}
        for one in erasures:
            self._open.pop(one.erasure_id, None)
        self._metrics.erasures.inc(len(erasures))

    def _oldest_seconds(self) -> float:
        # A copy, because metrics are asked for in another thread.
        since_ms = min((one.requested_at_ms for one in list(self._open.values())), default=None)
        return 0.0 if since_ms is None else max(self._clock.now_ms() - since_ms, 0) / 1000

    async def _until_nothing_is_on_its_way(self) -> None:
        """Until all is committed that was read before every writer knew what this one knows now."""
        # From then on nobody writes a batch without having asked for the requests that stand here already.
        await asyncio.sleep(FRESH_SECONDS)
        ends = {number: place.end for number, place in (await self._places()).items()}
        while not _passed(await self._places(), ends):  # noqa: ASYNC110 - the condition lies elsewhere
            await asyncio.sleep(_LOOK_SECONDS)
        while await self._rewrites():  # noqa: ASYNC110 - the condition lies elsewhere
            await asyncio.sleep(_REWRITES_SECONDS)

    async def _rewrites(self) -> int:
        return await self._retry(lambda: asyncio.to_thread(self._sweeping.rewrites))

    async def _places(self) -> Mapping[int, Place]:
        return await self._retry(self._offsets.places)

    async def _again_and_again(self, step: Callable[[], Awaitable[Any]]) -> None:
        while True:
            await step()


def _good(values: Sequence[bytes | None]) -> list[Erasure]:
    found = []
    for value in values:
        try:
            found.append(decoded(value))
        except ContractError as error:
            log.error("a record on the topic of erasures is none and is passed over", reason=str(error))
    return found


def _passed(places: Mapping[int, Place], ends: Mapping[int, int]) -> bool:
    return all(number in places and places[number].committed >= end for number, end in ends.items())
