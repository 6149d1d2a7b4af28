"""Sessions as rows.

A session is asked for where at least one of its events fits the filters, all of them at once; what is told of it counts
all its events within the period, whether they fit or not. Events without a session (of no visitor) are in none.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from query_api.question import cursors
from query_api.question.fields import count
from query_api.question.given import Given
from query_api.question.rows import DEFAULT_ROWS, FIELDS, MAX_ROWS, Moment, Order, fixed, order_of, selected
from query_api.question.selection import Context, Selection

__all__ = ["FIELDS"]


@dataclass(frozen=True)
class Position:
    """The last session of a page, and the period that the first page had."""

    from_ms: Moment
    until_ms: Moment
    started_ms: Moment
    session_id: UUID


SHAPE: Final = TypeAdapter(Position)


@dataclass(frozen=True)
class SessionsQuestion:
    """At most `limit` sessions with an event of `selection`, in the `order` of their first events, behind `after`."""

    selection: Selection
    order: Order
    limit: int
    after: Position | None
    digest: bytes

    def cursor(self, started_ms: int, session_id: UUID) -> str:
        """The cursor of the page behind that session."""
        period = self.selection.period
        position = Position(period.from_ms, period.until_ms, started_ms, session_id)
        return cursors.encode(self.digest, SHAPE, position)


def ask(given: Given, context: Context) -> SessionsQuestion:
    """The question. Raises Invalid."""
    chosen = selected(given, context)
    digest = cursors.question_digest("sessions", given, chosen)
    after = cursors.read(given, digest, SHAPE)
    if after is not None:
        chosen = chosen.within(fixed(chosen.period, after.from_ms, after.until_ms))
    limit = count(given, "limit", DEFAULT_ROWS, MAX_ROWS)
    return SessionsQuestion(chosen, order_of(given, Order.NEWEST), limit, after, digest)
