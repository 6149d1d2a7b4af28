"""Which minutes of acceptance are looked at next, and when: recent and open ones first, others in turn. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from auditor.balance import Counts, nothing
from auditor.statements import Slice
from eventrail.contract.ledger import ENRICHER, IN_FLIGHT, UNACCOUNTED, WRITER, Key

MOST_MINUTES: Final = 240
"""Minutes in one slice, so that the text of a query stays short."""


@dataclass(slots=True)
class Minute:
    """What is known of one minute: entries about, Unix seconds of the last reading, and its books.

    `looked_at` is the number of the pass that looked at it last, 0 for none; `changed`: entries were added since.
    """

    entries: int = 0
    read_at: int = 0
    looked_at: int = 0
    changed: bool = True
    counts: Counts = field(default_factory=nothing)

    @property
    def is_open(self) -> bool:
        """Whether the last look left something that may change by itself."""
        counts = self.counts
        return bool(counts[ENRICHER, IN_FLIGHT] or counts[WRITER, IN_FLIGHT] or counts[WRITER, UNACCOUNTED])


@dataclass(frozen=True, slots=True)
class Task:
    """Minutes that are balanced together, by one slice or, where one minute is too large for it, by several."""

    minutes: tuple[int, ...]
    slices: tuple[Slice, ...]
    is_urgent: bool


class Minutes:
    """All minutes of the window, by their start in Unix seconds."""

    def __init__(self, slice_events: int, recent_minutes: int, window_hours: int) -> None:
        self._slice_events = slice_events
        self._recent_seconds = recent_minutes * 60
        self._window_seconds = window_hours * 3600
        self.known: dict[int, Minute] = {}

    def add(self, minute: int, entries: int, read_at: int) -> None:
        """Entries were added to the ledger."""
        known = self.known.setdefault(minute, Minute())
        known.entries += entries
        known.read_at = max(known.read_at, read_at)
        known.changed = True

    def restore(self, minute: int, entries: int, read_at: int, counts: Counts | None) -> None:
        """What an earlier process read and found out."""
        known = self.known.setdefault(minute, Minute())
        known.entries = max(known.entries, entries)
        known.read_at = max(known.read_at, read_at)
        known.counts = counts or known.counts

    def drop_old(self, now: int) -> None:
        """Forget minutes of which nothing was read for the length of the window."""
        for minute in [at for at, known in self.known.items() if known.read_at < now - self._window_seconds]:
            del self.known[minute]

    def plan(self, now: int) -> Iterator[Task]:
        """Every minute once: first the urgent ones, then the others; in each group those first that waited longest."""
        urgent = {at for at, known in self.known.items() if self._is_urgent(at, known, now)}
        yield from self._tasks(urgent, is_urgent=True)
        yield from self._tasks(self.known.keys() - urgent, is_urgent=False)

    def recent(self, now: int) -> list[Minute]:
        """The recent minutes, and what lies in the future by our clock."""
        return [known for at, known in self.known.items() if self._is_recent(at, now)]

    def unaccounted(self) -> int:
        """Unaccounted events of all minutes."""
        return sum(known.counts[WRITER, UNACCOUNTED] for known in self.known.values())

    def _is_recent(self, minute: int, now: int) -> bool:
        return minute > now - self._recent_seconds - 60

    def _is_urgent(self, minute: int, known: Minute, now: int) -> bool:
        return known.changed or known.is_open or self._is_recent(minute, now)

    def _tasks(self, minutes: Iterable[int], *, is_urgent: bool) -> Iterator[Task]:
        together: list[int] = []
        entries = 0
        for minute in sorted(minutes, key=lambda at: (self.known[at].looked_at, at)):
            size = self.known[minute].entries
            if together and (entries + size > self._slice_events or len(together) >= MOST_MINUTES):
                yield self._task(together, entries, is_urgent=is_urgent)
                together, entries = [], 0
            together.append(minute)
            entries += size
        if together:
            yield self._task(together, entries, is_urgent=is_urgent)

    def _task(self, minutes: list[int], entries: int, *, is_urgent: bool) -> Task:
        chosen = tuple(sorted(minutes))
        parts = -(-entries // self._slice_events) or 1
        return Task(chosen, tuple(Slice(chosen, part, parts) for part in range(parts)), is_urgent)


def changes(before: Mapping[Key, int] | None, after: Counts) -> list[tuple[Key, int]]:
    """The values of `after` that are new; all of them where there was nothing before."""
    return [(key, events) for key, events in after.items() if before is None or before.get(key) != events]


def pause(interval_seconds: float, took_seconds: float) -> float:
    """Seconds from the end of a pass that took so long to the next one.

    A pass may take at most a fifth of the time: under a flood the engine has to insert, and what is not looked at now
    is looked at later.
    """
    return max(interval_seconds - took_seconds, 4 * took_seconds)
