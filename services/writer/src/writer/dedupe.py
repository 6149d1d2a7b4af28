"""Copies of events that were written a moment ago are dropped before the insert.

A saving, never the proof: the table counts each event once, whatever is written how often
(docs/adr/0002-identity-and-once.md).
"""

from collections.abc import Sequence
from itertools import islice

from eventrail.rows.columns import identities_of, values_of
from eventrail.rows.events import Row


class RecentlyWritten:
    """The events of the last `capacity` written rows, each with the best version written of it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._versions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._versions)

    def news(self, rows: Sequence[Row]) -> list[int]:
        """Numbers of the rows of which the table has, for certain, no copy that wins over them or is equal to them."""
        known = self._versions.get
        versions = values_of(rows, "version")
        return [number for number, key in enumerate(identities_of(rows)) if known(key, -1) < versions[number]]

    def forget(self) -> None:
        """Know nothing any more: an engine that was away may have come back with an older table."""
        self._versions.clear()

    def add(self, rows: Sequence[Row]) -> None:
        """Remember `rows`; call only once their insert was acknowledged."""
        known = self._versions
        for key, version in zip(identities_of(rows), values_of(rows, "version"), strict=True):
            known[key] = max(known.pop(key, -1), version)
        for key in list(islice(known, max(len(known) - self._capacity, 0))):
            del known[key]
