"""The statements of an export: what is in it, where its pages begin, and its pages.

Rows go in the order of the table's sort key. A page is a range of keys, so that reading it costs what is in it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from query_api.events_table import Statement, moment, needed, reading
from query_api.facts import columns_of
from query_api.parameters import Parameters
from query_api.question.export import ExportQuestion, Pin

PAGE_ROWS: Final = 5_000
"""Most rows that are in memory at once, and rows of a group in Parquet: other values make other bytes."""

Key = tuple[str, date, int, int]
"""Name and day of an event, and both halves of its id."""

_KEY: Final = ("event_name", "identity_day", "event_id_high", "event_id_low")
_ORDER: Final = ", ".join(_KEY)
_SURVEY: Final = """
SELECT count(), sum(sipHash64({row})), maxMap([enriched_partition], [enriched_offset])
FROM matching
"""
_PLAN: Final = f"""
SELECT place, {_ORDER}
FROM (SELECT {_ORDER}, row_number() OVER (ORDER BY {_ORDER}) AS place FROM matching)
WHERE place >= %(begin)s AND place <= %(end)s AND ((place - %(begin)s) %% %(page)s = 0 OR place = %(end)s)
ORDER BY place
"""  # noqa: S608 - our own words
_PAGE: Final = f"""
SELECT {{facts}}
FROM matching
ORDER BY {_ORDER}
LIMIT %(limit)s
"""  # noqa: S608 - our own words


def survey_statement(question: ExportQuestion, pin: Pin | None) -> Statement:
    """One row for `surveyed`: of what is pinned, or of all that there is now."""
    row = ", ".join(dict.fromkeys([*_KEY, *(fact.sql for fact in question.facts)]))
    columns = (*columns_of(question.facts), "enriched_partition", "enriched_offset")
    return _statement("export_survey", _SURVEY.format(row=row), columns, question, Parameters(), pin)


def surveyed(rows: Sequence[Any]) -> Pin:
    """What a survey found."""
    ((count, digest, (partitions, offsets)),) = rows
    return Pin(tuple(partitions), tuple(offset + 1 for offset in offsets), count, digest)


def plan_statement(question: ExportQuestion, pin: Pin, begin: int, end: int) -> Statement:
    """Rows of place and Key, by place: that of `begin` (unless 0), of each last row of a page, and of `end`."""
    parameters = Parameters()
    for name, value in (("begin", begin), ("end", end), ("page", PAGE_ROWS)):
        parameters.put(name, value)
    return _statement("export_plan", _PLAN, (), question, parameters, pin)


def page_statement(question: ExportQuestion, pin: Pin, low: Key | None, high: Key, rows: int) -> Statement:
    """The facts of the events behind `low` and up to `high`; of more than `rows` events, one more than these."""
    parameters = Parameters()
    parameters.put("limit", rows + 1)
    body = _PAGE.format(facts=", ".join(fact.sql for fact in question.facts))
    where = [_side("<", high, parameters)]
    if low is not None:
        where.append(_side(">", low, parameters))
    return _statement("export_page", body, columns_of(question.facts), question, parameters, pin, where)


def _statement(
    name: str,
    body: str,
    columns: Sequence[str],
    question: ExportQuestion,
    parameters: Parameters,
    pin: Pin | None,
    where: Sequence[str] = (),
) -> Statement:
    ours = [] if pin is None else [_pinned(pin, parameters)]
    chosen = dict.fromkeys([*_KEY, *columns, *needed(question.selection)])
    # An export may read all there is: it has connections of its own, and its pages bound it.
    made = reading(name, body, list(chosen), question.selection, parameters, [*ours, *where])
    return replace(made, estimated=False, of_export=True)


def _pinned(pin: Pin, parameters: Parameters) -> str:
    if not pin.partitions:
        return "0"
    partitions = f"CAST({parameters.add(list(pin.partitions))} AS Array(Int32))"
    nexts = f"CAST({parameters.add(list(pin.nexts))} AS Array(Int64))"
    return f"enriched_offset < transform(enriched_partition, {partitions}, {nexts}, toInt64(0))"


def _side(way: str, key: Key, parameters: Parameters) -> str:
    """Keys below `key` and it itself (`<`), or those above it (`>`), in the one form that the engine's index knows."""
    name, day, high, low = key
    values = (
        parameters.add(name),
        f"toDate({parameters.add(str(day))})",
        f"toUInt64({parameters.add(high)})",
        f"toUInt64({parameters.add(low)})",
    )
    condition = f"{_KEY[-1]} {way}{'=' if way == '<' else ''} {values[-1]}"
    for column, value in zip(_KEY[-2::-1], values[-2::-1], strict=True):
        condition = f"{column} {way}= {value} AND ({column} {way} {value} OR {condition})"
    return condition


def erasures_statement(question: ExportQuestion, since_ms: int) -> Statement:
    """One row: how many erasures of the website came to a stage at `since_ms` or later."""
    parameters = Parameters()
    website, since = parameters.add(question.selection.website_id), moment(parameters.add(since_ms))
    sql = f"SELECT count() FROM erasures FINAL WHERE website_id = {website} AND at >= {since}"  # noqa: S608
    return Statement("export_erasures", sql, parameters.values)


def pages(plan: Sequence[tuple[int, str, date, int, int]], begin: int) -> list[tuple[Key | None, Key, int]]:
    """For each page the key before it, its last key and its rows."""
    low: Key | None = None
    found: list[tuple[Key | None, Key, int]] = []
    place = begin
    for at, name, day, id_high, id_low in plan:
        high: Key = (name, day, id_high, id_low)
        if at > begin:
            found.append((low, high, at - place))
        low, place = high, at
    return found
