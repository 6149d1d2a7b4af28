"""Copies of events that were written a moment ago are dropped before the insert.

A saving, never the proof: the table counts each event once, whatever is written how often
(docs/adr/0002-identity-and-once.md).
"""

from hashlib import blake2b

from eventrail.rows.events import COLUMNS, Row

_WEBSITE = COLUMNS.index("website_id")
_NAME = COLUMNS.index("event_name")
_DAY = COLUMNS.index("identity_day")
_ID = COLUMNS.index("event_id")
_VERSION = COLUMNS.index("version")


def identity(row: Row) -> bytes:
    """16 bytes that stand for the table's sort key: equal for copies of an event, and only for them."""
    # The website id and the day have no NUL, the UUID has a fixed length: no two keys give the same text.
    key = f"{row[_WEBSITE]}\0{row[_DAY]}\0{row[_ID].hex}{row[_NAME]}"
    return blake2b(key.encode(), digest_size=16).digest()


class RecentlyWritten:
    """The events of the last `capacity` written rows, each with the best version written of it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._versions: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._versions)

    def covers(self, row: Row) -> bool:
        """Whether the table has a copy of `row` for certain that wins over it, or is equal to it."""
        return self._versions.get(identity(row), -1) >= int(row[_VERSION])

    def forget(self) -> None:
        """Know nothing any more: an engine that was away may have come back with an older table."""
        self._versions.clear()

    def add(self, rows: list[Row]) -> None:
        """Remember `rows`; call only once their insert was acknowledged."""
        for row in rows:
            key = identity(row)
            self._versions[key] = max(self._versions.pop(key, -1), row[_VERSION])
        while len(self._versions) > self._capacity:
            del self._versions[next(iter(self._versions))]
