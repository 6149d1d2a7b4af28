"""A table of numbers for exports without an engine: it answers the three statements of queries/export.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from query_api.engine import Answer
from query_api.events_table import Statement
from query_api.queries import export

DAY = date(2026, 3, 1)


@dataclass
class Numbers:
    """Rows `(number,)` for columns=event_id, in order; `before` is called with each statement first."""

    numbers: list[int]
    before: Callable[[Statement], None] = lambda _statement: None
    erasures: int = 0
    statements: list[Statement] = field(default_factory=list)

    async def answer(self, statement: Statement) -> Answer:
        self.statements.append(statement)
        self.before(statement)
        return Answer(getattr(self, f"_{statement.name}")(statement.parameters))

    async def rows(self, statement: Statement) -> Sequence[Any]:
        return (await self.answer(statement)).rows

    async def check(self) -> str:
        return "ok"

    def _export_survey(self, _parameters: Any) -> list[Any]:
        partitions = ([0], [max(self.numbers)]) if self.numbers else ([], [])
        return [(len(self.numbers), hash(tuple(self.numbers)) & (2**64 - 1), partitions)]

    def _export_plan(self, parameters: Any) -> list[Any]:
        begin, end = parameters["begin"], parameters["end"]
        places = sorted({*range(begin, end, export.PAGE_ROWS), end} - {0})
        return [(place, "a", DAY, 0, self.numbers[place - 1]) for place in places]

    def _export_erasures(self, _parameters: Any) -> list[Any]:
        return [(self.erasures,)]

    def _export_page(self, parameters: Any) -> list[Any]:
        # The halves of ids are the only numbers in key order: high and low of the last key, then of the one before.
        halves = [
            value for name, value in parameters.items() if name.startswith("p") and isinstance(value, int)
        ]
        above = halves[3] if len(halves) > 2 else -1
        found = [(str(number),) for number in self.numbers if above < number <= halves[1]]
        return found[: parameters["limit"]]
