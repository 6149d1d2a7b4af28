"""Which events were erased (docs/erasure.md): the seam, nobody, and the tables of the writer."""

from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

from query_api.engine import Engine
from query_api.events_table import Statement
from query_api.live.decoded import Columns

Identity = tuple[str, UUID]
"""Website id and event id."""

_EVENTS: Final = """
SELECT website_id, event_id FROM erased_events
WHERE website_id IN %(websites)s AND event_id IN %(ids)s
"""
_VISITORS: Final = """
SELECT website_id, visitor_id, max(toUnixTimestamp64Milli(covers_until)) FROM erased_visitors
WHERE website_id IN %(websites)s AND visitor_id IN %(visitors)s
GROUP BY website_id, visitor_id
"""
_CLOCKS_APART_MS: Final = 3_600_000
"""A collector's clock may be ahead of the one that dated the request: so rather one event too few is shown."""


class Suppressed(Protocol):
    """Knows what was erased."""

    async def among(self, events: Sequence[Columns]) -> frozenset[Identity]:
        """Those of `events` that were erased. Raises ClickHouseUnavailable."""
        ...


class NothingErased:
    """For installations without erasure."""

    async def among(self, events: Sequence[Columns]) -> frozenset[Identity]:
        return frozenset()


class ErasedEvents:
    """Asks the tables `erased_events` and `erased_visitors`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def among(self, events: Sequence[Columns]) -> frozenset[Identity]:
        if not events:
            return frozenset()
        by_event = (await self._engine.answer(by_event_id(events))).rows
        by_visitor = (await self._engine.answer(by_visitor_id(events))).rows
        until = {(website, visitor): until_ms for website, visitor, until_ms in by_visitor}
        ids = {(website, event_id) for website, event_id in by_event}
        return frozenset(ids | {_identity(event) for event in events if _is_covered(event, until)})


def by_event_id(events: Sequence[Columns]) -> Statement:
    """Rows of website and event id, of those that were erased by their id."""
    parameters = {
        "websites": tuple({event["website_id"] for event in events}),
        "ids": tuple({str(event["event_id"]) for event in events}),
    }
    return Statement("live_erased_events", _EVENTS, parameters, {"max_threads": 1})


def by_visitor_id(events: Sequence[Columns]) -> Statement:
    """Rows of website, visitor id, and the acceptance up to which the visitor's events are erased (Unix ms)."""
    parameters = {
        "websites": tuple({event["website_id"] for event in events}),
        "visitors": tuple({event["visitor_id"] for event in events}),
    }
    return Statement("live_erased_visitors", _VISITORS, parameters, {"max_threads": 1})


def _is_covered(event: Columns, until: dict[tuple[str, str], int]) -> bool:
    until_ms = until.get((event["website_id"], event["visitor_id"]))
    covered: bool = until_ms is not None and event["received_at"] <= until_ms + _CLOCKS_APART_MS
    return covered


def _identity(event: Columns) -> Identity:
    return event["website_id"], event["event_id"]
