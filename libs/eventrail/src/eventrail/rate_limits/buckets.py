"""Buckets by key, in bounded memory."""

from collections import OrderedDict

from eventrail.rate_limits.bucket import Bucket

_SWEPT = 2
"""Buckets that are looked at for each one that comes: those that are full go twice as fast as others come."""


class Buckets:
    """At most `most` buckets, kept in the order of their last use.

    Full buckets are forgotten first, which changes nothing. Where all are in use and another key comes, the one that
    was not used for longest is forgotten, as if it were full: its sender gets a new burst. `forgotten` counts these.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._buckets: OrderedDict[bytes, Bucket] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._buckets)

    def find(self, key: bytes) -> Bucket:
        """The bucket of `key`; a full one, which nobody keeps yet, where there is none."""
        return self._buckets.get(key) or Bucket()

    def keep(self, key: bytes, bucket: Bucket, now: float) -> None:
        """Keep `bucket`, which was used now."""
        if key not in self._buckets:
            self._make_room(now)
        self._buckets[key] = bucket
        self._buckets.move_to_end(key)

    def _make_room(self, now: float) -> None:
        for _ in range(_SWEPT):
            if not self._buckets or not self._oldest().is_full(now):
                break
            self._buckets.popitem(last=False)
        if len(self._buckets) >= self._most:
            self._buckets.popitem(last=False)
            self.forgotten += 1

    def _oldest(self) -> Bucket:
        return next(iter(self._buckets.values()))
