"""Copies are told by a bounded memory of the events that were done last."""

from collections import deque
from hashlib import blake2b
from typing import Final

from eventrail_subscriber.facts import identity
from eventrail_subscriber.v1.enriched_pb2 import EnrichedEvent

BYTES_PER_EVENT: Final = 250
"""What one remembered event costs at most, in bytes of memory."""


class RecentEvents:
    """Remembers the last `size` events that were added, by identity; one object for each partition that is read.

    An event that was added is found for as long as fewer than `size` other events were added after it, and no longer:
    so copies that lie closer together on a partition are dropped, and later ones are not (docs/subscribe.md tells which
    copies come how late). It forgets everything when the process ends. That two events are taken for one would need
    two equal hashes of 128 bits.

    An event is added after it is done, or else it would count as done when doing it failed.

    Memory: at most BYTES_PER_EVENT for each of the `size` events. Not for several threads at once. Raises ValueError
    where `size` is less than 1.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size must be at least 1, and is {size}")
        self._size = size
        self._order: deque[bytes] = deque()
        self._known: set[bytes] = set()

    def __contains__(self, event: EnrichedEvent) -> bool:
        return _digest(event) in self._known

    def __len__(self) -> int:
        return len(self._order)

    def add(self, event: EnrichedEvent) -> None:
        """Remember `event`, and forget the oldest one where there are too many. A copy changes nothing."""
        digest = _digest(event)
        if digest in self._known:
            return
        if len(self._order) == self._size:
            self._known.remove(self._order.popleft())
        self._order.append(digest)
        self._known.add(digest)


def _digest(event: EnrichedEvent) -> bytes:
    website_id, event_name, identity_day, event_id = identity(event)
    # The name stands last: it alone may hold any character.
    text = f"{website_id}\0{event_id}\0{identity_day}\0{event_name}"
    return blake2b(text.encode(), digest_size=16).digest()
