"""How many visitors or sessions get from step to step of a funnel, and in what time.

Who enters: everyone with an event in the period that is the first step. All steps lie in the period.

A chain is a row of different events of one visitor (session): the first is the first step, each next one comes later
and is the next step, and the last one is at most the window after the first, the end of the window included. Whoever
enters gets as far as the longest of all their chains. In between there may be any events; `strict` allows none that
is any of the steps: each event of a chain is the very next of the visitor's events that are a step.

"Later" is by time, and within one millisecond by step: the event that is an earlier step comes first; of events with
the same earliest step, the one whose set of steps is lower when written as a number (step 1 counts 1, step 2 counts
2, step 3 counts 4, ...). So what was sent in one batch counts as done in the order of the funnel.

Times are those of one chain of each visitor: of the longest ones the one that ends first, and from its end back the
latest event of each step that belongs to a chain. The value for a breakdown is that of its first event; of several
that the order above does not tell apart, the last one by text and type.

Each event becomes one number, its key: milliseconds since 1970 and one, then 12 bits of its place in the order within
the millisecond, which end with the set of its steps. The engine sorts the keys of each visitor and goes over them once
per step: `startsN` has for each key the time of the latest first step from which a chain reaches this key as step N,
0 where none does. Nothing in it grows faster than the number of a visitor's events.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, Final

from query_api import following, grouping
from query_api.conditions import field_columns
from query_api.events_table import Statement, needed, reading
from query_api.following import CLIENTS_ONLY, is_somebody, share, who
from query_api.happenings import by_sort_key, columns, happens
from query_api.parameters import Parameters
from query_api.question.funnels import FunnelQuestion, Order
from query_api.question.happenings import Happening

PERCENTILES: Final = {"median": 0.5, "p90": 0.9}
"""Exact, with linear interpolation between the two nearest values (PERCENTILE.INC)."""

# bitXor(x, x - 1) has as many bits as the place of the lowest step.
_KEY: Final = (
    "(toUInt64(toUnixTimestamp64Milli(timestamp)) + 1) * 4096 "
    "+ 256 * bitCount(bitXor(steps, steps - 1)) + steps"
)

_BODY: Final = """
SELECT rank, any(value), any(distinct_values), sum(entered), {totals}
FROM
(
    SELECT
        value, entered, {partial_names},
        least(row_number() OVER (ORDER BY entered DESC, value), %(limit)s + 1) AS rank,
        count() OVER () AS distinct_values
    FROM
    (
        SELECT value, count() AS entered, {partials}
        FROM ({chains})
        GROUP BY value
    )
)
GROUP BY GROUPING SETS ((rank), ())
ORDER BY rank
"""
_KEYS: Final = """
SELECT arraySort(groupArray({entry})) AS entries, {keys} AS keys
FROM matching
GROUP BY who
HAVING bitAnd(groupBitOr(steps), 1) != 0
"""

Row = tuple[Any, ...]
"""Rank, value, how many values there are, how many entered; then for each further step how many reached it, the
percentiles and the sum of the milliseconds since the step before. Rank 0 is all of them together, `limit` + 1 all
values behind the first ones."""


def statement(question: FunnelQuestion) -> Statement:
    """Rows by rank; none at all where nobody enters."""
    parameters = Parameters()
    parameters.put("limit", question.limit if question.breakdown else 1)
    numbers = range(2, len(question.steps) + 1)
    body = _BODY.format(
        chains=_chains(question, parameters),
        partials=", ".join(_partial(number) for number in numbers),
        partial_names=", ".join(f"reached{n}, spread{n}, lasted{n}" for n in numbers),
        totals=", ".join(_total(number) for number in numbers),
    )
    somebody = [CLIENTS_ONLY] if question.clients_only else []
    where = [by_sort_key(question.steps, parameters), is_somebody(question.by), *somebody, "steps != 0"]
    return reading("funnels", body, _columns(question, parameters), question.selection, parameters, where)


def left_out_statement(question: FunnelQuestion) -> Statement:
    """Whom the question leaves out: rows for `following.left_out`."""
    return following.left_out_statement(question.selection, question.steps[0])


def _columns(question: FunnelQuestion, parameters: Parameters) -> list[str]:
    bits = [f"{1 << place} * {happens(step, parameters)}" for place, step in enumerate(question.steps)]
    read = [f"{who(question.by)} AS who", f"toUInt8({' + '.join(bits)}) AS steps", "timestamp"]
    field = question.breakdown
    if field:
        # Only where chains begin: other values would be carried along for nothing.
        read.append(f"if(bitAnd(steps, 1) != 0, {grouping.value(field, parameters)}, ('', '')) AS value")
    behind = field_columns(field) if field else ()
    return list(dict.fromkeys([*read, *behind, *columns(question.steps), *needed(question.selection)]))


def _chains(question: FunnelQuestion, parameters: Parameters) -> str:
    """One row per visitor (session) that enters: value, how many steps were reached, and the time of each."""
    steps, strict = len(question.steps), question.order is Order.STRICT
    window = parameters.put("window_ms", question.window_seconds * 1000)
    key, broken_down = f"({_KEY})", question.breakdown is not None
    keys = _KEYS.format(
        entry=f"({key}, value)" if broken_down else key,
        keys="tupleElement(entries, 1)" if broken_down else "entries",
    )
    numbers = range(1, steps + 1)
    starts = [_starts(number, window, strict) for number in numbers[1:]]
    places = [_place(number, steps, strict) for number in reversed(numbers)]
    value = "tupleElement(entries[place1], 2)" if broken_down else _NO_VALUE
    layers = [
        f"{_FIRST_STARTS}, {starts[0]}",
        *starts[1:],
        ", ".join(f"arrayFirstIndex(start -> start != 0, starts{n}) AS first{n}" for n in numbers),
        f"{' + '.join(f'(first{number} != 0)' for number in numbers)} AS reached, {places[0]}",
        *places[1:],
        ", ".join(f"bitShiftRight(keys[place{n}], 12) AS time{n}" for n in numbers) + f", {value} AS value",
    ]
    return _layered(keys, layers)


def _layered(inner: str, layers: Iterable[str]) -> str:
    """`inner` with further columns, each layer of them over the one before.

    In one SELECT the engine writes an alias out wherever it stands, so eight steps took it 1.3 s to plan.
    """
    return reduce(lambda sql, layer: f"SELECT *, {layer} FROM ({sql})", layers, inner)  # noqa: S608 - our own words


_FIRST_STARTS: Final = (
    "arrayMap(key -> if(bitAnd(key, 1) != 0, bitShiftRight(key, 12), toUInt64(0)), keys) AS starts1"
)
_NO_VALUE: Final = "('', '')"


def _starts(number: int, window: str, strict: bool) -> str:  # noqa: FBT001
    """For each key the latest start from which it is step `number`: that of the step before, of an earlier key."""
    before = f"starts{number - 1}" if strict else f"arrayFill(start -> start != 0, starts{number - 1})"
    return (
        f"arrayMap((key, start) -> if(bitAnd(key, {1 << (number - 1)}) != 0 AND start != 0 "
        f"AND bitShiftRight(key, 12) - start <= {window}, start, toUInt64(0)), "
        f"keys, arrayPushFront(arrayPopBack({before}), toUInt64(0))) AS starts{number}"
    )


def _place(number: int, steps: int, strict: bool) -> str:  # noqa: FBT001
    """Where in the keys step `number` of the chain is, 0 where it was not reached."""
    if number == steps:
        return f"first{number} AS place{number}"
    following_place = f"place{number + 1}"
    before = (
        f"{following_place} - 1"
        if strict
        else f"arrayLastIndex((start, i) -> start != 0 AND i < {following_place}, "
        f"starts{number}, arrayEnumerate(keys))"
    )
    return f"if(reached > {number}, {before}, first{number}) AS place{number}"


def _partial(number: int) -> str:
    lasted, there = f"time{number} - time{number - 1}", f"reached >= {number}"
    levels = ", ".join(map(str, PERCENTILES.values()))
    return (
        f"countIf({there}) AS reached{number}, "
        f"quantilesExactInclusiveStateIf({levels})({lasted}, {there}) AS spread{number}, "
        f"sumIf({lasted}, {there}) AS lasted{number}"
    )


def _total(number: int) -> str:
    levels = ", ".join(map(str, PERCENTILES.values()))
    return (
        f"sum(reached{number}), quantilesExactInclusiveMerge({levels})(spread{number}), sum(lasted{number})"
    )


def answer(question: FunnelQuestion, rows: Sequence[Row]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`data`, and what `meta` says of the breakdown."""
    by_rank = {row[0]: row for row in rows}
    data = _funnel(question.steps, by_rank.get(0))
    if question.breakdown is None:
        return data, {}
    groups = [_group(question, rank, by_rank[rank]) for rank in sorted(by_rank) if rank]
    return {**data, "breakdown": groups}, {"breakdown_values": rows[0][2] if rows else 0}


def _group(question: FunnelQuestion, rank: int, row: Row) -> dict[str, Any]:
    value = {"value": None, "type": "other"} if rank > question.limit else grouping.told(row[1])
    return {**value, **_funnel(question.steps, row)}


def _funnel(steps: Sequence[Happening], row: Row | None) -> dict[str, Any]:
    counts = _counts(len(steps), row)
    entered, converted = counts[0][0], counts[-1][0]
    return {
        "totals": {
            "entered": entered,
            "converted": converted,
            "conversion": share(converted, entered),
        },
        "steps": [_step(steps, counts, place) for place in range(len(steps))],
    }


def _counts(steps: int, row: Row | None) -> list[tuple[int, tuple[float, ...], int]]:
    """For each step how many reached it, percentiles and sum of milliseconds since the one before."""
    if row is None:
        return [(0, (), 0)] * steps
    further = [tuple(row[place : place + 3]) for place in range(4, 4 + 3 * (steps - 1), 3)]
    return [(row[3], (), 0), *((reached, tuple(spread), lasted) for reached, spread, lasted in further)]


def _step(
    steps: Sequence[Happening], counts: Sequence[tuple[int, tuple[float, ...], int]], place: int
) -> dict[str, Any]:
    count, spread, lasted = counts[place]
    before = counts[place - 1][0] if place else count
    return {
        "step": place + 1,
        **steps[place].told(),
        "count": count,
        "conversion": share(count, counts[0][0]),
        "conversion_from_previous": share(count, before) if place else None,
        "dropped": before - count,
        "seconds": _seconds(spread, lasted / count) if place and count else None,
    }


def _seconds(spread: tuple[float, ...], average: float) -> dict[str, float]:
    found = dict(zip(PERCENTILES, spread, strict=True))
    return {name: round(value / 1000, 3) for name, value in {**found, "average": average}.items()}
