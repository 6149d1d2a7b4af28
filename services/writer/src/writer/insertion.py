"""A block is inserted whole; where the engine refuses it, parts of it, down to the rows that are at fault."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from writer.errors import RowsRefused

R = TypeVar("R")
"""What stands for a row."""

Insert = Callable[[Sequence[R]], None]
"""Writes rows (at least one) or raises; the same rows again must not count twice."""

Refusals = list[tuple[R, RowsRefused]]

Guard = Callable[[int, Refusals[R]], None]
"""Told how many rows are settled and which of them are refused; raises where it is no use to go on."""

SUSPICIOUS = 32
"""So many refused rows, and not one accepted, point at the engine and not at the rows."""


def _no_guard(_settled: int, _refused: Refusals[R]) -> None:
    pass


class Insertion(Generic[R]):
    """The way of one block into the table; `run` may be called again after an error and goes on.

    Rows may be stood for by anything; parts of them keep their order. Afterwards every row is in `written` or in
    `refused`. `parts` counts the inserts past the first.
    """

    def __init__(self, rows: Sequence[R], guard: Guard[R] = _no_guard) -> None:
        self._guard = guard
        self._left = [rows] if rows else []
        self.parts = 0
        self.written: list[R] = []
        self.refused: Refusals[R] = []

    def run(self, insert: Insert[R]) -> None:
        """Blocks until each row is written or refused.

        Raises what `insert` raises except RowsRefused, and what the guard raises.
        """
        while self._left:
            part = self._left[-1]
            try:
                insert(part)
            except RowsRefused as error:
                self._left.pop()
                self._split(part, error)
            else:
                self._left.pop()
                self.written += part
            self.parts += 1
        # It may know of this insertion: both, and a batch with them, would stay until somebody looks for cycles.
        self._guard = _no_guard

    @property
    def doubtful(self) -> bool:
        """Whether the engine may be at fault: no row was accepted, and not every refusal is about values."""
        if self.written or not self.refused or all(error.certain for _, error in self.refused):
            return False
        return not self._left or len(self.refused) >= SUSPICIOUS

    def _split(self, part: Sequence[R], error: RowsRefused) -> None:
        if len(part) == 1:
            self.refused.append((part[0], error))
            self._guard(len(self.written) + len(self.refused), self.refused)
            return
        # Every second row, and not halves: the rows settled first are then a fair sample of the block, so
        # that the guard may judge by them also where bad rows stand close together.
        self._left += (part[1::2], part[::2])
