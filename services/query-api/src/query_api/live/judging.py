"""Copies and erased events are told apart before anybody sees them, once for all readers.

A record is a copy where another record of its event was shown a short while ago, or where the table keeps a copy of the
event that came from another place of the raw topic: a client may repeat an event days later. While ClickHouse does
not answer, only the first is known, and events are shown all the same.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from typing import Final

from eventrail import logs
from eventrail.clock import Clock
from eventrail.contract.codec import decode_enriched
from eventrail.errors import ContractError
from query_api.engine import Engine
from query_api.live import stored
from query_api.live.decoded import Columns, Decoded, decoded
from query_api.live.metrics import LiveMetrics
from query_api.live.ring import Entry, Ring, Verdict, View
from query_api.live.stored import Key, RawPlace
from query_api.live.suppressed import Identity, NothingErased, Suppressed

BATCH: Final = 500
"""Most records that are judged, and so looked up, at once."""

_REST_SECONDS: Final = 0.1
"""Between two batches at least, and as long as a batch took: look-ups take half of one connection at most."""

_TURN: Final = 50
"""Records that are decoded before others get their turn: some 3 ms."""

_LOOK_UP_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 5.0
"""How long ClickHouse is not asked after it did not answer."""

_log = logs.get(__name__)


class Decoder:
    """Records become what questions see of them; those of the last `capacity` records are kept decoded."""

    def __init__(self, capacity: int = 2_000) -> None:
        self._capacity = capacity
        self._kept: deque[Entry] = deque()

    def decoded(self, entry: Entry) -> Decoded:
        """Raises ContractError."""
        if entry.decoded is None:
            entry.decoded = decoded(decode_enriched(entry.value), entry.partition, entry.offset)
            self._kept.append(entry)
            if len(self._kept) > self._capacity:
                oldest = self._kept.popleft()
                oldest.decoded = oldest.text = None
        return entry.decoded


class Recent:
    """Which record of an event was shown, for the last `capacity` events."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._shown: OrderedDict[Key, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._shown)

    def is_first(self, key: Key, entry: Entry) -> bool:
        """Whether no other record of the event was shown; from now on `entry` is the one."""
        place = entry.partition, entry.offset
        first = self._shown.setdefault(key, place) == place
        if len(self._shown) > self._capacity:
            self._shown.popitem(last=False)
        return first

    def forget(self) -> None:
        """Places of a topic that is no more say nothing."""
        self._shown.clear()


class Judge:
    """Gives each record of the websites that are read its verdict, in the order of the ring."""

    def __init__(
        self,
        ring: Ring,
        decoder: Decoder,
        recent: Recent,
        engine: Engine,
        suppressed: Suppressed,
        clock: Clock,
        metrics: LiveMetrics,
    ) -> None:
        self._ring = ring
        self._decoder = decoder
        self._recent = recent
        self._engine = engine
        self._suppressed = suppressed
        self._clock = clock
        self._metrics = metrics
        self._ask_again_at = float("-inf")
        self._generation = ring.generation

    async def run(self) -> None:
        """For as long as it is not cancelled."""
        while True:
            batch = self.due()
            if not batch:
                await self._ring.news.wait()
                continue
            began = self._clock.monotonic()
            await self.judge(batch)
            self._ring.news.tell()  # to the readers
            took = self._clock.monotonic() - began
            await asyncio.sleep(0 if len(batch) == BATCH else max(_REST_SECONDS, took))

    def due(self) -> list[Entry]:
        """At most BATCH records that wait for a verdict, the oldest of each website."""
        views = self._ring.views
        return [entry for view in views for entry in _unjudged(view, max(1, BATCH // len(views)))][:BATCH]

    async def judge(self, batch: Sequence[Entry]) -> None:
        """Give each record of `batch` its verdict."""
        if self._generation != self._ring.generation:
            self._generation = self._ring.generation
            self._recent.forget()
        events = await self._all_decoded(batch)
        winners, erased = await self._looked_up(list(events.values()))
        for entry in batch:
            columns = events.get(entry)
            entry.verdict = (
                Verdict.REFUSED if columns is None else self._verdict(entry, columns, winners, erased)
            )
            if entry.verdict is not Verdict.SHOWN:
                self._metrics.suppressed.labels(entry.verdict.value).inc()
        for view in self._ring.views:
            view.settle()

    async def sift(self, view: View, after: Mapping[int, int]) -> None:
        """What was erased since it was judged is not shown to one who comes back for it.

        `after`: by partition the last offset that is of no interest.
        """
        if isinstance(self._suppressed, NothingErased):
            return
        entries = [view.entry(number) for number in range(view.first, view.judged)]
        shown = [entry for entry in entries if _is_shown_after(entry, after)]
        for start in range(0, len(shown), BATCH):
            batch = await self._all_decoded(shown[start : start + BATCH])
            _winners, erased = await self._looked_up(list(batch.values()), only_erased=True)
            for entry, columns in batch.items():
                if (columns["website_id"], columns["event_id"]) in erased:
                    entry.verdict = Verdict.ERASED

    async def _all_decoded(self, batch: Sequence[Entry]) -> dict[Entry, Columns]:
        """Those of which rows can be made."""
        found = {}
        for number, entry in enumerate(batch):
            with contextlib.suppress(ContractError):
                found[entry] = self._decoder.decoded(entry).columns
            if number % _TURN == 0:
                await asyncio.sleep(0)
        return found

    def _verdict(
        self, entry: Entry, columns: Columns, winners: Mapping[Key, RawPlace], erased: frozenset[Identity]
    ) -> Verdict:
        if (columns["website_id"], columns["event_id"]) in erased:
            return Verdict.ERASED
        key, place = stored.key(columns), stored.place(columns)
        if winners.get(key, place) != place or not self._recent.is_first(key, entry):
            return Verdict.COPY
        return Verdict.SHOWN

    async def _looked_up(
        self, events: Sequence[Columns], *, only_erased: bool = False
    ) -> tuple[Mapping[Key, RawPlace], frozenset[Identity]]:
        """What the tables say of `events`: nothing while they don't answer."""
        if not events or self._clock.monotonic() < self._ask_again_at:
            return {}, frozenset()
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                rows = [] if only_erased else (await self._engine.answer(stored.statement(events))).rows
                return stored.winners(rows), await self._suppressed.among(events)
        except Exception as error:  # whatever it is: without a verdict no stream would go on
            self._ask_again_at = self._clock.monotonic() + _PAUSE_SECONDS
            self._metrics.look_ups_failed.inc()
            _log.warning(
                "live: old copies and erased events are not known, events are shown", reason=repr(error)
            )
            return {}, frozenset()


def _is_shown_after(entry: Entry, after: Mapping[int, int]) -> bool:
    return entry.verdict is Verdict.SHOWN and entry.offset > after.get(entry.partition, -1)


def _unjudged(view: View, most: int) -> list[Entry]:
    view.settle()
    return [view.entry(number) for number in range(view.judged, min(view.end, view.judged + most))]
