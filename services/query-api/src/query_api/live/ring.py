"""The newest records of the enriched topic, of all partitions and websites, bounded in number and bytes.

Readers stand in it by themselves: nothing is kept for a slow one, it misses what has left the ring. Everything here
belongs to one event loop; nothing waits but `News.wait`. No IO.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from query_api.live.decoded import Decoded
from query_api.live.position import Mark, Position

OVERHEAD_BYTES: Final = 260
"""What a record costs beside its value: the objects around it (257 by tracemalloc, CPython 3.11, 20,000 records)."""

NOT_READ: Final = "Kafka was not reached yet"


class Verdict(Enum):
    """What a record is to readers."""

    SHOWN = "shown"
    COPY = "copy"
    ERASED = "erased"
    REFUSED = "refused"
    """No row can be made of it, so the table never has it."""


@dataclass(slots=True, eq=False)
class Entry:
    """One record; `verdict` is None until it was judged, `decoded` and `text` are there while many may want them."""

    source: bytes
    partition: int
    offset: int
    timestamp_ms: int
    value: bytes
    verdict: Verdict | None = None
    decoded: Decoded | None = None
    text: str | None = None

    @property
    def size(self) -> int:
        """Bytes that it counts."""
        return len(self.value) + OVERHEAD_BYTES


class News:
    """Wakes all who wait."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Wake them."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, seconds: float | None = None) -> None:
        """Return when told, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._next.wait()


class View:
    """The records of one website that are in the ring, numbered from the first one that it ever saw.

    `first` is the number of the oldest, `end` that of the next one to come; those before `judged` have a verdict.
    """

    def __init__(self, source: bytes, entries: deque[Entry]) -> None:
        self.source = source
        self.readers = 0
        self.first = 0
        self.judged = 0
        self._entries = entries

    @property
    def end(self) -> int:
        """Number of the next record."""
        return self.first + len(self._entries)

    def entry(self, number: int) -> Entry:
        """The record of a number from `first` to before `end`."""
        return self._entries[number - self.first]

    def settle(self) -> None:
        """Those that have a verdict by now may be read, up to the first one without."""
        while self.judged < self.end and self.entry(self.judged).verdict is not None:
            self.judged += 1

    def add(self, entry: Entry) -> None:
        """The next record."""
        self._entries.append(entry)

    def drop(self, count: int = 1) -> None:
        """The oldest ones leave."""
        for _ in range(count):
            self._entries.popleft()
        self.first += count
        self.judged = max(self.judged, self.first)


class Ring:
    """See above. `generation` counts how often it began anew, and `anew` says why the last time."""

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self.max_records = max_records
        self.max_bytes = max_bytes
        self.generation = 0
        self.anew = ""
        self.waiting: str | None = NOT_READ
        """Why no records come now; None while they do."""
        self.news = News()
        self.bytes = 0
        self.next: dict[int, int] = {}
        """By partition the offset of the next record to come."""
        self._first: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self.ends_asked = self.ends_answered = 0
        """Numbers of the last question where the partitions end, and of the last one that was answered."""
        self._entries: deque[Entry] = deque()
        self._views: dict[bytes, View] = {}
        self._newest: Mark | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def opened(self) -> bool:
        """Whether Kafka was ever reached."""
        return bool(self.next)

    @property
    def filled(self) -> bool:
        """Whether all was read that the topic held when its ends were last asked for."""
        return self.opened and all(self.next[at] >= end for at, end in self._ends.items())

    @property
    def views(self) -> list[View]:
        """Those that somebody reads."""
        return list(self._views.values())

    def begin(self, starts: Mapping[int, int]) -> None:
        """Records of partitions that are new here come from these offsets on, without gaps of ours."""
        for partition, offset in starts.items():
            self.next.setdefault(partition, offset)
            self._first.setdefault(partition, offset)

    def ask_for_ends(self) -> int:
        """Somebody has to know where the partitions end from now on; `ends_answered` says when this one is answered."""
        self.ends_asked += 1
        return self.ends_asked

    def learn_ends(self, ends: Mapping[int, int], question: int) -> None:
        """Where the partitions end; `question` is what `ends_asked` was when Kafka was asked."""
        self._ends |= ends
        if question > self.ends_answered:
            self.ends_answered = question
            self.news.tell()

    def begin_anew(self, why: str) -> None:
        """Nothing that is here has to do with what comes: the topic was made anew, or records are missing."""
        for view in self._views.values():
            view.drop(view.end - view.first)
        self._entries.clear()
        self.bytes, self._newest = 0, None
        self.next, self._first, self._ends = {}, {}, {}
        self.generation += 1
        self.anew = why

    def append(self, entry: Entry) -> None:
        """The next record of its partition; one that was here before is passed over."""
        if entry.offset < self.next[entry.partition]:
            return
        self.next[entry.partition] = entry.offset + 1
        self._newest = Mark(entry.partition, entry.timestamp_ms)
        self._entries.append(entry)
        self.bytes += entry.size
        if view := self._views.get(entry.source):
            view.add(entry)
        while len(self._entries) > self.max_records or self.bytes > self.max_bytes:
            self._drop_oldest()

    def skip(self, partition: int, offset: int, timestamp_ms: int) -> None:
        """The record is none of any website."""
        if offset >= self.next[partition]:
            self.next[partition] = offset + 1
            self._newest = Mark(partition, timestamp_ms)

    def _drop_oldest(self) -> None:
        oldest = self._entries.popleft()
        self.bytes -= oldest.size
        self._first[oldest.partition] = oldest.offset + 1
        if view := self._views.get(oldest.source):
            view.drop()

    def follow(self, source: bytes) -> View:
        """The view of a website, for one more reader."""
        view = self._views.get(source)
        if view is None:
            own = deque(entry for entry in self._entries if entry.source == source)
            view = self._views[source] = View(source, own)
            view.settle()
        view.readers += 1
        return view

    def leave(self, view: View) -> None:
        """One reader less."""
        view.readers -= 1
        if not view.readers:
            del self._views[view.source]

    def now(self) -> Position:
        """Where a reader stands who has seen all there is, also what has not come here yet."""
        ends = {at: max(offset, self._ends.get(at, 0)) for at, offset in self.next.items()}
        mark = self._newest if self._newest and self.filled else None
        return Position({at: end - 1 for at, end in ends.items() if end}, mark)

    def oldest(self, position: Position) -> Position:
        """`position`, moved to where the ring begins in the partitions in which it lies before that."""
        moved = {
            at: first - 1 for at, first in self._first.items() if first - 1 > position.offsets.get(at, -1)
        }
        mark = position.mark
        return Position({**position.offsets, **moved}, None if mark and mark.partition in moved else mark)

    def why_not(self, position: Position) -> str | None:
        """Why nobody can go on from `position`, None where that is possible."""
        if self.is_ahead(position) or self._is_of_another_topic(position):
            return "unknown"
        if any(position.offsets.get(at, -1) + 1 < first for at, first in self._first.items()):
            return "expired"
        return None

    def is_ahead(self, position: Position) -> bool:
        """Whether `position` is behind the ends, as far as they are known here."""
        return any(
            offset >= max(self.next.get(at, 0), self._ends.get(at, 0))
            for at, offset in position.offsets.items()
        )

    def _is_of_another_topic(self, position: Position) -> bool:
        mark = position.mark
        if mark is None:
            return False
        at = mark.partition, position.offsets[mark.partition]
        found = next((entry for entry in self._entries if (entry.partition, entry.offset) == at), None)
        return found is not None and found.timestamp_ms != mark.timestamp_ms
