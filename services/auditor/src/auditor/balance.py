"""From what is known of events to their outcomes: the books, pure.

Each raw event has one outcome at the enricher, and, where the enricher passed it on, one at the writer. So
for each minute: accepted = sum of the enricher's outcomes, and enriched = sum of the writer's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from eventrail.contract.ledger import (
    ACCEPTED,
    DUPLICATE,
    ENRICHED,
    ENRICHER,
    ERASED,
    EXPIRED,
    IN_FLIGHT,
    KEYS,
    OUTCOMES,
    RAW,
    REJECTED,
    STORED,
    UNACCOUNTED,
    WRITER,
    Key,
)

Counts = dict[Key, int]
"""Events of one minute: a value for each of KEYS."""


class Found(IntEnum):
    """What the table `events` has of an event's identity."""

    NOTHING = 0
    OTHER = 1
    """The event, from another place on the raw topic."""
    SAME = 2
    """The event, from this very place."""


class Refused(IntEnum):
    """What the rejected topic has of an event."""

    NOWHERE = 0
    ENRICHER = 1
    WRITER = 2


class Facts(NamedTuple):
    """What is known of some raw events that have it all in common.

    `passed`: the enricher's committed offset lies behind them. `settled`: so does everything after it, so nothing
    is to come any more. `expired`: Kafka removed them before the enricher read them. `erased`: an erasure means them.
    """

    passed: bool
    settled: bool
    found: Found
    refused: Refused
    expired: bool
    erased: bool = False


def outcome(facts: Facts) -> tuple[str, str | None]:
    """The outcomes at enricher and writer; None where the writer never gets it."""
    if facts.found is Found.SAME:
        return ENRICHED, STORED
    if facts.refused is Refused.ENRICHER:
        return REJECTED, None
    if facts.expired:
        return EXPIRED, None
    if not facts.settled:
        # Whatever is missing may still be on its way, so nothing is said about it yet.
        return (ENRICHED, IN_FLIGHT) if facts.passed else (IN_FLIGHT, None)
    return ENRICHED, _at_the_writer(facts)


def _at_the_writer(facts: Facts) -> str:
    if facts.found is Found.OTHER:
        return DUPLICATE
    if facts.erased:
        # Also a copy that came when its event had been erased already, and was never written.
        return ERASED
    return REJECTED if facts.refused is Refused.WRITER else UNACCOUNTED


def nothing() -> Counts:
    """Counts of a minute without events."""
    return dict.fromkeys(KEYS, 0)


def balance(counted: Iterable[tuple[Facts, int]], lost_unread: int = 0) -> Counts:
    """Counts of one minute from its facts.

    `lost_unread` records, found to be expired in this minute, were read by nobody; each counts as one event.
    """
    found: Counter[Key] = Counter()
    for facts, events in counted:
        at_enricher, at_writer = outcome(facts)
        found[RAW, ACCEPTED] += events
        found[ENRICHER, at_enricher] += events
        if at_writer is not None:
            found[WRITER, at_writer] += events
    found[RAW, ACCEPTED] += lost_unread
    found[ENRICHER, EXPIRED] += lost_unread
    return nothing() | found


def is_balanced(counts: Mapping[Key, int]) -> bool:
    """Whether nothing is missing between two stages, and nothing is unaccounted."""
    return (
        counts[RAW, ACCEPTED] == sum(counts[ENRICHER, name] for name in OUTCOMES[ENRICHER])
        and counts[ENRICHER, ENRICHED] == sum(counts[WRITER, name] for name in OUTCOMES[WRITER])
        and counts[WRITER, UNACCOUNTED] == 0
    )
