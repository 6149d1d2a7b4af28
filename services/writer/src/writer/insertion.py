"""A block is inserted whole; where the engine refuses it, halves of it, down to the rows that are at fault."""

from collections import deque
from collections.abc import Callable

from eventrail.rows.events import Row
from writer.errors import RowsRefused, TableFault

Insert = Callable[[list[Row]], None]
"""Writes rows (at least one) or raises; the same rows again must not count twice."""

SUSPICIOUS = 32
"""So many refused rows, and not one accepted, point at the engine and not at the rows."""


class Insertion:
    """The way of one block into the table; `run` may be called again after an error and goes on.

    Afterwards every row is in `written` or in `refused`.
    """

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self._parts = deque([rows] if rows else [])
        self.written: list[Row] = []
        self.refused: list[tuple[Row, RowsRefused]] = []

    def run(self, insert: Insert) -> None:
        """Blocks until each row is written or refused.

        Raises what `insert` raises except RowsRefused, and TableFault where refusals look as if
        the rows were not to blame; nothing counts as refused then.
        """
        while self._parts:
            part = self._parts[0]
            try:
                insert(part)
            except RowsRefused as error:
                self._split(part, error)
            else:
                self._parts.popleft()
                self.written += part

    def _split(self, part: list[Row], error: RowsRefused) -> None:
        self._parts.popleft()
        if len(part) == 1:
            self.refused.append((part[0], error))
            self._doubt(error)
            return
        middle = len(part) // 2
        self._parts.extendleft((part[middle:], part[:middle]))

    def _doubt(self, error: RowsRefused) -> None:
        if self.written or error.certain:
            return
        if not self._parts or len(self.refused) >= SUSPICIOUS:
            self._parts = deque([self._rows])
            self.refused.clear()
            raise TableFault(f"no row is accepted: {error}")
