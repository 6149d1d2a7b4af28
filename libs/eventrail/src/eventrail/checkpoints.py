"""Moments that wait until others have come past them: told from offsets alone, pure.

Whoever asks where a log ends, and later sees that its readers have committed up to there, knows that everything from
before the question is done. Such a question is a checkpoint: what it stands for, and the offsets it waits for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

Offsets = Mapping[int, int]
"""By partition: the offset of the next record."""

KEPT: Final = 64
"""Checkpoints that may wait in one line; when there are more, one between two close neighbours is dropped."""


class Span(NamedTuple):
    """What a partition holds: its first offset, and that of the next record."""

    begin: int
    end: int


Spans = Mapping[int, Span]


def ends(spans: Spans) -> dict[int, int]:
    """The next offset of each partition."""
    return {partition: span.end for partition, span in spans.items()}


def within(committed: Offsets, spans: Spans) -> dict[int, int]:
    """The commits that make sense: one behind the end is of a topic that was created anew since."""
    return {at: offset for at, offset in committed.items() if at in spans and offset <= spans[at].end}


def positions(committed: Offsets, spans: Spans) -> dict[int, int]:
    """Where a group goes on in each partition. What was removed cannot be waited for, so never before the first."""
    return {at: max(span.begin, committed.get(at, 0)) for at, span in spans.items()}


def passed(reached: Offsets, awaited: Offsets) -> bool:
    """Whether each partition was reached; one of which nothing is known stands at 0."""
    return all(reached.get(partition, 0) >= end for partition, end in awaited.items())


@dataclass
class Waiting(Generic[T]):
    """Checkpoints in the order in which they were asked for, at most KEPT of them.

    The oldest stays whatever comes: it is the next to be reached. The others are thinned evenly, so that after a long
    outage they are reached one by one, and not all at the end.
    """

    _line: list[tuple[T, dict[int, int]]] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _added: int = 0

    def __len__(self) -> int:
        return len(self._line)

    def add(self, what: T, awaited: Offsets) -> None:
        """One more; `awaited` was asked for after `what` was known."""
        self._line.append((what, dict(awaited)))
        self._added += 1
        self._numbers.append(self._added)
        if len(self._line) > KEPT:
            self._drop(self._most_crowded())

    def reach(self, reached: Offsets) -> T | None:
        """The latest that waits for no more than `reached`; it and all older ones leave. None where there is none."""
        return self.reach_where(lambda _what, awaited: passed(reached, awaited))

    def reach_where(self, done: Callable[[T, dict[int, int]], bool]) -> T | None:
        """As `reach`, where `done` tells of a checkpoint and of what it waits for whether it is reached."""
        for number in range(len(self._line) - 1, -1, -1):
            what, awaited = self._line[number]
            if done(what, awaited):
                del self._line[: number + 1], self._numbers[: number + 1]
                return what
        return None

    def oldest(self) -> tuple[T, dict[int, int]] | None:
        """The next to be reached and what it waits for."""
        return self._line[0] if self._line else None

    def clear(self) -> None:
        """Drop all."""
        self._line.clear()
        self._numbers.clear()

    def _drop(self, place: int) -> None:
        del self._line[place], self._numbers[place]

    def _most_crowded(self) -> int:
        numbers = self._numbers
        return min(range(1, len(numbers) - 1), key=lambda place: numbers[place + 1] - numbers[place - 1])
