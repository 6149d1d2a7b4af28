"""What a replay says, as text."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from enricher.replay.stored import Comparison, Example
from enricher.replay.time_range import TimeRange, text

_SHOWN_CHARACTERS = 80


@dataclass
class Report:
    """The outcome of one replay. `applied` is the revision of the rows that were written, None where none were."""

    within: TimeRange
    stored: int
    replayed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    comparison: Comparison = field(default_factory=lambda: Comparison(0, 0, {}))
    examples: dict[str, list[Example]] = field(default_factory=dict)
    shadow: str | None = None
    applied: int | None = None
    left: int = 0

    def lines(self) -> Iterator[str]:
        yield f"events accepted from {text(self.within.begin_ms)} to before {text(self.within.end_ms)}"
        yield from self._counts()
        yield from self._differences()
        if self.shadow is not None:
            yield f"the shadow table is kept: {self.shadow}"
        if self.applied is not None:
            yield f"applied as revision {self.applied}; events that still differ: {self.left}"

    def _counts(self) -> Iterator[str]:
        matched = self.comparison.matched
        yield f"stored: {self.stored}, enriched again: {self.replayed}, on both sides: {matched}"
        if without := self.replayed - matched:
            yield (
                f"enriched again, but not stored: {without}"
                " (an id that was sent again, rejected or erased before, or still on their way)"
            )
        if without := self.stored - matched:
            yield f"stored, but not enriched again: {without} (they are left as they are)"
        for reason, count in sorted(self.rejected.items()):
            yield f"rejected now: {count} {reason}"

    def _differences(self) -> Iterator[str]:
        yield f"differences: {self.comparison.changed} of {self.comparison.matched} events"
        for column, count in self.comparison.by_column.items():
            yield f"  {column}: {count}"
            for example in self.examples.get(column, ()):
                change = f"{_shown(example.stored)} -> {_shown(example.made)}"
                yield f"    {example.website_id} {example.event_id}: {change}"


def _shown(value: str) -> str:
    return repr(value if len(value) <= _SHOWN_CHARACTERS else value[: _SHOWN_CHARACTERS - 1] + "…")
