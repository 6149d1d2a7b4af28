"""Is it slower than it was? Compares what holds on any machine: ratios of one run, with those of an earlier report."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from benchmarks.figures import Figure, written

TOLERANCE: Final = 0.4
"""By how much a ratio may be worse than it was; runs of a few seconds on a busy machine differ that much."""


@dataclass(frozen=True)
class Slower:
    """A figure that is worse than the tolerance allows."""

    figure: Figure
    before: float

    def __str__(self) -> str:
        figure = self.figure
        return f"{figure.case}: {figure.name} is {written(figure.median)}, and was {written(self.before)}"


def slower(now: Iterable[Figure], before: Iterable[Figure], tolerance: float = TOLERANCE) -> list[Slower]:
    """Which relative figures of `now` are worse than those of the same name `before`; others are not compared.

    A ratio is better the higher it is, unless its bound says "at most".
    """
    known = {(one.case, one.name): one.median for one in before if one.relative}
    found = []
    for figure in now:
        was = known.get((figure.case, figure.name))
        if figure.relative and was is not None and _worse(figure, was, tolerance):
            found.append(Slower(figure, was))
    return found


def _worse(figure: Figure, was: float, tolerance: float) -> bool:
    if figure.bound and figure.bound.way == "at most":
        return figure.median > was * (1 + tolerance)
    return figure.median < was * (1 - tolerance)
