"""Which events were erased (docs/erasure.md): the seam, nobody, and the tables of the writer."""

from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

from eventrail.erasures.request import Cover
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
SELECT website_id, visitor_id, erasure_id, toUnixTimestamp64Milli(covers_until), raw_ends FROM erased_visitors
WHERE website_id IN %(websites)s AND visitor_id IN %(visitors)s
"""


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
        covers: dict[tuple[str, str], list[Cover]] = {}
        for website, visitor, *cover in by_visitor:
            covers.setdefault((website, visitor), []).append(Cover(*cover))
        ids = {(website, event_id) for website, event_id in by_event}
        return frozenset(ids | {_identity(event) for event in events if _is_covered(event, covers)})


def by_event_id(events: Sequence[Columns]) -> Statement:
    """Rows of website and event id, of those that were erased by their id."""
    parameters = {
        "websites": tuple({event["website_id"] for event in events}),
        "ids": tuple({str(event["event_id"]) for event in events}),
    }
    return Statement("live_erased_events", _EVENTS, parameters, {"max_threads": 1})


def by_visitor_id(events: Sequence[Columns]) -> Statement:
    """Rows of website, visitor id, and the fields of a Cover: which events of the visitor are erased."""
    parameters = {
        "websites": tuple({event["website_id"] for event in events}),
        "visitors": tuple({event["visitor_id"] for event in events}),
    }
    return Statement("live_erased_visitors", _VISITORS, parameters, {"max_threads": 1})


def _is_covered(event: Columns, covers: dict[tuple[str, str], list[Cover]]) -> bool:
    place = event["received_at"], event["raw_partition"], event["raw_offset"]
    return any(cover.covers(*place) for cover in covers.get((event["website_id"], event["visitor_id"]), ()))


def _identity(event: Columns) -> Identity:
    return event["website_id"], event["event_id"]
