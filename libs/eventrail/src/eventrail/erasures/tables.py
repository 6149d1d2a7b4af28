"""The tables of erasures, and their SQL as far as several services need it. Pure.

Numbers and UUIDs are written into the text, everything else goes in as parameters of the driver.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from eventrail.erasures.request import CLOCKS_APART_MS, Erasure
from eventrail.rows.events import LATEST_MS

REQUESTS: Final = "erasures"
VISITORS: Final = "erased_visitors"
EVENTS: Final = "erased_events"
REWRITES: Final = "event_rewrites"
ALL: Final = (REQUESTS, VISITORS, EVENTS, REWRITES)
"""`python -m writer migrate` makes them."""

RUNNING: Final = 1
DONE: Final = 2
"""`erasures.stage`."""

Covered = tuple[str, Mapping[str, Any]]
"""A condition on rows of `events`, and its parameters."""


def covered(erasure: Erasure, event_ids: Iterable[UUID] = ()) -> Covered:
    """Rows, of all copies, that `erasure` means; and those of its website with one of `event_ids`."""
    ids = {*erasure.event_ids, *event_ids}
    by_id = f"event_id IN ({uuids(ids)})" if ids else "0"
    by_visitor = _of_visitors(erasure) if erasure.visitor_ids else "0"
    parameters = {"website_id": erasure.website_id, "visitor_ids": erasure.visitor_ids}
    return f"website_id = %(website_id)s AND ({by_id} OR {by_visitor})", parameters


def _of_visitors(erasure: Erasure) -> str:
    before = f"received_at <= {_moment(erasure.covers_until_ms)}"
    near = f"received_at <= {_moment(erasure.covers_until_ms + CLOCKS_APART_MS)}"
    there = f"({near} AND raw_offset < {_end_of(erasure.raw_ends)})" if erasure.raw_ends else "0"
    return f"(visitor_id IN %(visitor_ids)s AND ({before} OR {there}))"


def _end_of(raw_ends: Mapping[int, int]) -> str:
    partitions = ", ".join(f"toInt32({partition:d})" for partition in raw_ends)
    ends = ", ".join(f"toInt64({end:d})" for end in raw_ends.values())
    return f"transform(raw_partition, [{partitions}], [{ends}], toInt64(0))"


def _moment(unix_ms: int) -> str:
    return f"fromUnixTimestamp64Milli(toInt64({min(unix_ms, LATEST_MS):d}), 'UTC')"


def uuids(ids: Iterable[UUID]) -> str:
    """A list of literals; the driver would take five times as long for it."""
    return ", ".join(f"'{event_id!s}'" for event_id in ids)


def spared(rows: str, name: str) -> tuple[str, str]:
    """A join, and a condition that holds where no erasure is about the row of `rows`, a table or alias of a query.

    `name` is a prefix for what is joined. It errs on the side of erasure: an event of an erased visitor that was
    accepted up to an hour after the request is not spared.
    """
    join = (
        f" LEFT JOIN (SELECT website_id, visitor_id, max(covers_until) AS until FROM {VISITORS}"  # noqa: S608
        f" GROUP BY website_id, visitor_id) AS {name}"
        f" ON {rows}.website_id = {name}.website_id AND {rows}.visitor_id = {name}.visitor_id"
    )
    late = f"{rows}.received_at > {name}.until + toIntervalMillisecond({CLOCKS_APART_MS})"
    known = f"({rows}.website_id, {rows}.event_id) NOT IN (SELECT website_id, event_id FROM {EVENTS})"  # noqa: S608
    return join, f"{late} AND {known}"
