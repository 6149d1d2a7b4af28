"""What a benchmark found: figures with the values of each run, and the bounds that they should keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal, Self

Way = Literal["at least", "at most"]


@dataclass(frozen=True)
class Bound:
    """What the issue on speed asks for."""

    way: Way
    value: float

    def kept(self, value: float) -> bool:
        return value >= self.value if self.way == "at least" else value <= self.value

    def __str__(self) -> str:
        return f"{self.way} {written(self.value)}"


@dataclass(frozen=True)
class Figure:
    """One measured thing: `values` in `unit`, one for each run.

    `relative` says that both sides of it were measured in one run on one machine, so that it holds on others too:
    a ratio, or something that does not depend on how fast the machine is.
    """

    case: str
    name: str
    unit: str
    values: tuple[float, ...]
    bound: Bound | None = None
    relative: bool = False
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def kept(self) -> bool | None:
        """Whether the bound is kept; None without one."""
        return self.bound.kept(self.median) if self.bound else None

    def as_json(self) -> dict[str, Any]:
        bound = {"way": self.bound.way, "value": self.bound.value} if self.bound else None
        return {**self.__dict__, "values": list(self.values), "bound": bound, "median": self.median}

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        fields = {name: given[name] for name in ("case", "name", "unit", "relative", "note")}
        bound = Bound(**given["bound"]) if given["bound"] else None
        return cls(values=tuple(given["values"]), bound=bound, **fields)


def at_least(value: float) -> Bound:
    return Bound("at least", value)


def at_most(value: float) -> Bound:
    return Bound("at most", value)


def ratio(name: str, above: Figure, below: Figure, bound: Bound | None = None, note: str = "") -> Figure:
    """`above` / `below`, run by run where both have as many, else of their medians."""
    pairs: Sequence[tuple[float, float]] = (
        tuple(zip(above.values, below.values, strict=True))
        if len(above.values) == len(below.values)
        else ((above.median, below.median),)
    )
    values = tuple(one / other for one, other in pairs)
    return Figure(above.case, name, "ratio", values, bound, relative=True, note=note)


_DIGITS: Final = 3


def written(value: float) -> str:
    """With three significant digits, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{_DIGITS}g}"
