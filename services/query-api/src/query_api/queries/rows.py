"""Single events as rows, page by page.

Rows are ordered by timestamp, then by the rest of what tells events apart: id, name and day. A page is read by where
the one before ended (a keyset), so pages cost the same wherever they are, and events that arrive shift nothing.
"""

from collections.abc import Sequence
from typing import Any, Final

from query_api.events_table import Statement, moment, needed, reading
from query_api.facts import FACTS, columns_of
from query_api.parameters import Parameters
from query_api.question.rows import Order, Position, RowsQuestion

ROW_FACTS: Final = tuple(FACTS.values())

_KEY: Final = ("timestamp", "event_id_high", "event_id_low", "event_name", "identity_day")
_BODY: Final = f"""
SELECT {", ".join(fact.sql for fact in ROW_FACTS)},
    toUnixTimestamp64Milli(timestamp), event_id, event_name, identity_day
FROM matching
ORDER BY {{order}}
LIMIT %(limit)s
"""  # noqa: S608 - our own words

Row = tuple[Any, ...]
"""The values of ROW_FACTS, then those that order rows."""


def statement(question: RowsQuestion) -> Statement:
    """Rows in the order that was asked for: one more than fit on the page, where there are more."""
    parameters = Parameters()
    parameters.put("limit", question.limit + 1)
    after = question.after
    where = [_behind(after, question.order, parameters)] if after else []
    way = " DESC" if question.order is Order.NEWEST else ""
    body = _BODY.format(order=", ".join(f"{column}{way}" for column in _KEY))
    columns = dict.fromkeys([*columns_of(ROW_FACTS), *_KEY, *needed(question.selection)])
    return reading("rows", body, list(columns), question.selection, parameters, where)


def _behind(after: Position, order: Order, parameters: Parameters) -> str:
    way = "<" if order is Order.NEWEST else ">"
    at = moment(parameters.add(after.timestamp_ms))
    high, low = divmod(after.event_id.int, 1 << 64)
    rest = (
        f"({parameters.add(high)}, {parameters.add(low)}, {parameters.add(after.event_name)}, "
        f"toDate({parameters.add(str(after.identity_day))}))"
    )
    # The first part says nothing new; by it the engine leaves out granules.
    return (
        f"timestamp {way}= {at} AND (timestamp {way} {at} "
        f"OR (event_id_high, event_id_low, toString(event_name), identity_day) {way} {rest})"
    )


def page(question: RowsQuestion, rows: Sequence[Row]) -> tuple[Sequence[Row], str | None]:
    """The rows of this page, and the cursor of the next one, None where there is none."""
    found = rows[: question.limit]
    if len(rows) <= question.limit:
        return found, None
    at_ms, event_id, name, day = found[-1][len(ROW_FACTS) :]
    return found, question.cursor((at_ms, event_id, name, day))
