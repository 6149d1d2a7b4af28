"""Single events as rows: those of a website, of one session, or of one visitor."""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, TypeAdapter

from query_api.errors import Invalid, shown
from query_api.question import cursors
from query_api.question.fields import COMMON_FIELDS, WAITING_FIELDS, count, kind_and_name, selection
from query_api.question.filters import Condition
from query_api.question.given import Given, nearest
from query_api.question.period import LATEST_MS, Period
from query_api.question.selection import Context, Selection

PAGE_FIELDS: Final = ("order", "limit", "cursor")
FIELDS: Final = ("event_name", "event_type", *COMMON_FIELDS, *PAGE_FIELDS, *WAITING_FIELDS)
MAX_ROWS: Final = 1_000
DEFAULT_ROWS: Final = 100

Moment = Annotated[int, Field(ge=0, le=LATEST_MS)]


class Order(StrEnum):
    """Which row comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True)
class Position:
    """The last row of a page, told by what rows are ordered by, and the period that the first page had."""

    from_ms: Moment
    until_ms: Moment
    timestamp_ms: Moment
    event_id: UUID
    event_name: str
    identity_day: date


SHAPE: Final = TypeAdapter(Position)


@dataclass(frozen=True)
class RowsQuestion:
    """At most `limit` events in `order`, only those behind `after`. `digest` binds cursors to the question."""

    selection: Selection
    order: Order
    limit: int
    after: Position | None
    digest: bytes

    def cursor(self, last: tuple[int, UUID, str, date]) -> str:
        """The cursor of the page behind the row whose timestamp, event_id, name and day are `last`."""
        period = self.selection.period
        return cursors.encode(self.digest, SHAPE, Position(period.from_ms, period.until_ms, *last))


def ask(
    given: Given,
    context: Context,
    endpoint: str,
    among: tuple[Condition, ...] = (),
    first: Order = Order.NEWEST,
) -> RowsQuestion:
    """The question of `endpoint`, which is about events that fit `among` as well. Raises Invalid."""
    chosen = selected(given, context)
    chosen = replace(chosen, conditions=(*chosen.conditions, *among))
    digest = cursors.question_digest(endpoint, given, chosen)
    after = cursors.read(given, digest, SHAPE)
    if after is not None:
        chosen = chosen.within(fixed(chosen.period, after.from_ms, after.until_ms))
    return RowsQuestion(
        chosen, order_of(given, first), count(given, "limit", DEFAULT_ROWS, MAX_ROWS), after, digest
    )


def selected(given: Given, context: Context) -> Selection:
    """The events that `given` is about, custom events and page views unless it says otherwise. Raises Invalid."""
    event_type, name = kind_and_name(given, None)
    return selection(given, context, event_type).of(name)


def fixed(period: Period, from_ms: int, until_ms: int) -> Period:
    """`period` with the moments that an earlier page had, so that a default period stays what it was.

    Raises Invalid where they are none of a period.
    """
    if from_ms >= until_ms:
        raise Invalid("cursor holds no period; send it as it stood in the answer", "cursor")
    return replace(period, from_ms=from_ms, until_ms=until_ms, days=None)


def order_of(given: Given, first: Order) -> Order:
    """`order`, else `first`. Raises Invalid."""
    return Order(_one_of(given, "order", tuple(Order), first))


def _one_of(given: Given, name: str, known: tuple[Any, ...], default: str) -> str:
    text = given.one(name)
    if text is None:
        return default
    if text not in known:
        raise Invalid(f"{name} must be {', '.join(known)}, not {shown(text)}{nearest(text, known)}", name)
    return text
