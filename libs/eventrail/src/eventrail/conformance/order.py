"""The events of one visitor of one website stand on their partition as they stood on the raw topic."""

from enum import Enum, auto
from typing import NamedTuple

from eventrail_subscriber import EnrichedEvent


class Step(Enum):
    """How an event stands to those of its visitor that were read before it."""

    IN_ORDER = auto()
    OUT_OF_ORDER = auto()
    NOT_JUDGED = auto()


_Visitor = tuple[int, int, str, str]
"""Partition here, partition on the raw topic, website and visitor: within these there is an order."""

_At = tuple[int, int]
"""Offset and index on the raw topic."""


class _Reach(NamedTuple):
    lowest: _At
    highest: _At


class Order:
    """Follows each visitor, about 400 bytes for each.

    `complete` are the partitions of which nothing was removed or left out before the first record that is read.
    """

    def __init__(self, complete: frozenset[int]) -> None:
        self._complete = complete
        self._visitors: dict[_Visitor, _Reach] = {}

    def see(self, partition: int, event: EnrichedEvent) -> Step:
        """How `event` stands, which no record that was read before is a copy of.

        An event before the first that was read of its visitor may be a copy of one that was not read: after a crash
        the enricher publishes a stretch again. One between two that were read would have been read before.
        """
        if not event.visitor_id:
            return Step.IN_ORDER
        stood = event.raw_position
        visitor = (partition, stood.partition, event.website_id, event.visitor_id)
        at = (stood.offset, stood.index)
        known = self._visitors.get(visitor)
        if known is None or at > known.highest:
            self._visitors[visitor] = _Reach(known.lowest if known else at, at)
            return Step.IN_ORDER
        if at < known.lowest and partition not in self._complete:
            return Step.NOT_JUDGED
        return Step.OUT_OF_ORDER
