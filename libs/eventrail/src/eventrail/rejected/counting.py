"""Rejected events in numbers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from eventrail.clock import MS_PER_DAY
from eventrail.rejected import times
from eventrail.rejected.entry import Entry
from eventrail.rejected.listing import plain, summary

OTHERS: Final = "(others)"
"""Stands for all values beyond the first MOST_VALUES."""

MOST_VALUES: Final = 1_000
"""How many values of one kind are counted each for itself, so that memory stays bounded."""

_SHOWN: Final = 20
_MS_PER_HOUR: Final = MS_PER_DAY // 24


@dataclass
class Counts:
    """Counts of entries by what they have in common, and the first and last time among them."""

    total: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    by: dict[str, Counter[str]] = field(
        default_factory=lambda: {
            name: Counter() for name in ("stage", "reason", "website", "software_version", "hour")
        }
    )

    def add(self, entry: Entry) -> None:
        told = summary(entry)
        self.total += 1
        self.first_ms = told.at_ms if self.first_ms is None else min(self.first_ms, told.at_ms)
        self.last_ms = told.at_ms if self.last_ms is None else max(self.last_ms, told.at_ms)
        self._count("stage", told.stage)
        self._count("reason", told.reason)
        self._count("website", told.website_id)
        self._count("software_version", told.software_version)
        self._count("hour", times.text(told.at_ms // _MS_PER_HOUR * _MS_PER_HOUR))

    def _count(self, kind: str, value: str) -> None:
        counter = self.by[kind]
        counter[value if value in counter or len(counter) < MOST_VALUES else OTHERS] += 1

    def as_json(self) -> dict[str, Any]:
        """All counts; hours in their order, everything else by number."""
        return {
            "total": self.total,
            "first": None if self.first_ms is None else times.text(self.first_ms),
            "last": None if self.last_ms is None else times.text(self.last_ms),
            **{f"by_{kind}": dict(_ordered(kind, counter)) for kind, counter in self.by.items()},
        }

    def lines(self) -> Iterator[str]:
        """The text for a person: of each kind the largest, of the hours the last ones."""
        yield f"rejected: {self.total:,}"
        if self.first_ms is None or self.last_ms is None:
            return
        yield f"first: {times.text(self.first_ms)}"
        yield f"last:  {times.text(self.last_ms)}"
        for kind, counter in self.by.items():
            yield f"by {kind.replace('_', ' ')}:"
            yield from _table(kind, counter)


def _ordered(kind: str, counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items()) if kind == "hour" else counter.most_common()


def _table(kind: str, counter: Counter[str]) -> Iterator[str]:
    found = _ordered(kind, counter)
    shown = found[-_SHOWN:] if kind == "hour" else found[:_SHOWN]
    for value, count in shown:
        yield f"  {count:>9,}  {plain(value) or '-'}"
    if len(found) > len(shown):
        yield f"  ({len(found) - len(shown):,} more; --json tells all)"
