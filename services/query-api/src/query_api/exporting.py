"""One file of an export, from its first survey to its last: what is delivered is what was pinned, or it breaks off.

The table is surveyed before the first page and again behind the last one. Rows that were erased, expired or replaced
never come back as they were, so where both surveys agree, every page in between was read from the same rows.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from query_api import formats
from query_api.errors import Gone, Invalid, Reason
from query_api.events_table import Statement
from query_api.queries import export
from query_api.question.export import ExportQuestion, Pin, Position, behind

Rows = Callable[[Statement], Awaitable[Sequence[Any]]]
"""Runs a statement."""


@dataclass(frozen=True)
class File:
    """One file: where it begins, its rows, and those that are not with the client yet, from `begin` to `end`."""

    question: ExportQuestion
    position: Position
    rows: int
    pages: Sequence[tuple[export.Key | None, export.Key, int]]

    @property
    def cursor(self) -> str:
        """Gives this file again."""
        return self.question.cursor(self.position)

    @property
    def next_cursor(self) -> str | None:
        """Gives the file behind this one, None where there is none."""
        following = behind(self.position, self.rows)
        return self.question.cursor(following) if following.begin < self.position.pin.rows else None


async def prepare(question: ExportQuestion, rows: Rows) -> File:
    """The file that `question` is about. Raises Gone where it cannot be given again; Invalid; what `rows` raises."""
    position = question.position or await _pinned(question, rows)
    if question.position:
        await require_unchanged(question, position, rows)
    left = position.pin.rows - position.begin
    length = left if question.limit is None else min(question.limit, left)
    if question.skip > length:
        raise Invalid(f"skip is more than the {length:,} rows of this file", "skip")
    begin, end = position.begin + question.skip, position.begin + length
    plan: Sequence[Any] = []
    if begin < end:
        plan = await rows(export.plan_statement(question, position.pin, begin, end))
    return File(question, position, length, export.pages(plan, begin))


async def _pinned(question: ExportQuestion, rows: Rows) -> Position:
    pin = export.surveyed(await rows(export.survey_statement(question, None)))
    period = question.selection.period
    return Position(
        period.from_ms, period.until_ms, period.read_from_ms, question.asked_ms, formats.RELEASE, pin, 0
    )


async def require_unchanged(question: ExportQuestion, position: Position, rows: Rows) -> None:
    """Raises Gone where the rows that `position` pins are no more what they were."""
    if position.release != formats.RELEASE:
        raise _gone(Reason.CHANGED, "it was begun by another release, which may write other bytes")
    pin = position.pin
    found = export.surveyed(await rows(export.survey_statement(question, pin)))
    if (found.rows, found.digest) != (pin.rows, pin.digest):
        raise await _why(question, position, found, rows)


async def _why(question: ExportQuestion, position: Position, found: Pin, rows: Rows) -> Gone:
    missing = position.pin.rows - found.rows
    if missing <= 0:
        return _gone(Reason.CHANGED, "rows were replaced")
    if question.selection.period.read_from_ms > position.read_from_ms:
        return _gone(Reason.EXPIRED, "the website keeps its first events no longer (retention_days)")
    if (await rows(export.erasures_statement(question, position.begun_ms)))[0][0]:
        return _gone(Reason.ERASED, f"{missing:,} rows are missing since events were erased")
    return _gone(Reason.CHANGED, f"{missing:,} rows were deleted or replaced")


def _gone(reason: Reason, what: str) -> Gone:
    return Gone(reason, f"this export cannot be given again: {what}; begin a new one without cursor")


async def parts(file: File, rows: Rows) -> AsyncIterator[bytes]:
    """The bytes of `file`, one part per page. Raises Gone where rows changed since `prepare`, and what `rows` raises.

    At most one page is in memory. The last part comes when all rows are known to be what was pinned.
    """
    question, pin = file.question, file.position.pin
    writer = formats.writer(question.format, question.facts, goes_on=question.skip > 0)
    for low, high, length in file.pages:
        found = await rows(export.page_statement(question, pin, low, high, length))
        if len(found) != length:
            raise _gone(Reason.CHANGED, "rows were erased or replaced while it was read")
        # Not in the event loop: thousands of rows take tens of milliseconds.
        yield await asyncio.to_thread(writer.rows, found)
    await require_unchanged(question, file.position, rows)
    yield writer.end()
