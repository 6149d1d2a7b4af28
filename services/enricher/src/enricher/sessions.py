"""The states of all live sessions in memory, by partition of the raw topic.

Work is done on an overlay: its states are kept only when its outputs are acknowledged, so what is done
again after a failure meets the states from before it.
"""

from collections import ChainMap, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

from enricher import checkpoints

_LOOKED_AT_LEAST: Final = 100
_CALLS_AROUND: Final = 300

Expired = Callable[[bytes, int], bool]
"""Whether a state can be dropped, given the watermark in Unix milliseconds."""


@dataclass(slots=True)
class PartitionSessions:
    """States of one partition, each value a state with its checkpoints (checkpoints.py).

    `watermark_ms` is the latest acceptance time (the collector's clock, so no client moves it) before the offset at
    which a replay would begin, as far as this worker did the records itself: an expired state may go only
    when no replay can still meet it. `loaded` is the offset of the last changelog record that is contained,
    -1 before the first one.
    """

    states: dict[bytes, bytes] = field(default_factory=dict)
    watermark_ms: int = 0
    loaded: int = -1
    _passed: deque[tuple[int, int, Collection[bytes]]] = field(default_factory=deque)
    _round: Iterator[bytes] = field(default_factory=lambda: iter(()))

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a state, or remove it where `value` is None."""
        if value is None:
            self.states.pop(key, None)
        else:
            self.states[key] = value

    def merge(self, key: bytes, value: bytes | None) -> None:
        """Put what the changelog says, unless what is held reaches further on the raw topic.

        A worker that stood still while its partitions went to another may have written last, but knows less.
        """
        held = self.states.get(key)
        if (
            value is None
            or held is None
            or checkpoints.newest_offset(held) <= checkpoints.newest_offset(value)
        ):
            self.put(key, value)

    def appended(self, offset: int, count: int) -> None:
        """This worker's own `count` records stand at `offset` of the changelog.

        Where they do not follow what is contained, another worker has written in between: this one stood still while
        its partitions went to the other. What that one wrote is read with the next load.
        """
        if offset == self.loaded + 1:
            self.loaded += count

    def passed(self, next_offset: int, accepted_ms: int, changed: Collection[bytes]) -> None:
        """All raw records below `next_offset` are done; the latest of them was accepted at `accepted_ms`.

        `changed` are the keys of the states that they changed.
        """
        self._passed.append((next_offset, accepted_ms, changed))

    def settle(self, committed: int) -> None:
        """No replay begins below `committed`: the watermark follows, and what only such a replay could ask for goes."""
        while self._passed and self._passed[0][0] <= committed:
            _, accepted_ms, changed = self._passed.popleft()
            self.watermark_ms = max(self.watermark_ms, accepted_ms)
            for key in changed:
                self._prune(key, committed)

    def _prune(self, key: bytes, committed: int) -> None:
        value = self.states.get(key)
        if value is not None:
            self.states[key] = checkpoints.pruned(value, committed)

    def sweep(self, expired: Expired, committed: int, limit: int) -> int:
        """Look at `limit` states more, and drop the expired ones; returns how many. See `Sessions.sweep`."""
        self.settle(committed)
        return sum(self._drops(key, expired, committed) for key in self._next(limit))

    def _next(self, limit: int) -> list[bytes]:
        """The next keys of this round through all states; where it ends another one begins."""
        keys = list(islice(self._round, limit))
        if len(keys) < limit:
            # A copy of the keys. To pop a state and put it back would move it behind all others without one, but what
            # is popped leaves a hole in a dictionary, which makes it grow: by some 40 bytes a state.
            self._round = iter(list(self.states))
            keys += islice(self._round, limit - len(keys))
        return keys

    def _drops(self, key: bytes, expired: Expired, committed: int) -> bool:
        value = self.states.get(key)
        if value is None:
            return False
        if checkpoints.newest_offset(value) < committed and _is_gone(value, expired, self.watermark_ms):
            del self.states[key]
            return True
        self.states[key] = checkpoints.pruned(value, committed)
        return False


class Readable(Protocol):
    """Where a state is looked up by its key."""

    def get(self, key: bytes, /) -> bytes | None: ...


class Overlay:
    """States of a partition as a piece of work sees them: a SessionStore whose writes are kept apart."""

    def __init__(self, below: Readable) -> None:
        self._get_below = below.get
        self.written: dict[bytes, bytes] = {}
        # Not a method: each event calls it.
        self.put: Callable[[bytes, bytes], None] = self.written.__setitem__

    def get(self, key: bytes) -> bytes | None:
        return self.written.get(key) or self._get_below(key)


class AsOf:
    """The states of a partition as they were before the raw record at `offset`, also where they are ahead of it."""

    def __init__(self, below: Readable, offset: int) -> None:
        self._get_below = below.get
        self._offset = offset

    def get(self, key: bytes) -> bytes | None:
        return checkpoints.as_of(self._get_below(key), self._offset)


class Sessions:
    """All states that this worker holds."""

    def __init__(self) -> None:
        self._partitions: dict[int, PartitionSessions] = {}

    def __len__(self) -> int:
        return sum(len(held.states) for held in self._partitions.values())

    @property
    def partitions(self) -> frozenset[int]:
        """Partitions whose states are held."""
        return frozenset(self._partitions)

    def of(self, partition: int) -> PartitionSessions:
        """The states of a partition; empty where none were held."""
        return self._partitions.setdefault(partition, PartitionSessions())

    def only(self, partitions: Iterable[int]) -> None:
        """Drop the states of all other partitions: they are somebody else's now and would grow stale."""
        wanted = set(partitions)
        self._partitions = {number: held for number, held in self._partitions.items() if number in wanted}

    def replace(self, partition: int, held: PartitionSessions) -> None:
        """Put states that were loaded anew in the place of those held."""
        self._partitions[partition] = held

    def merged(self) -> ChainMap[bytes, bytes]:
        """All partitions' states as one mapping, for looking at them."""
        return ChainMap(*(held.states for held in self._partitions.values()))

    def sweep(self, expired: Expired, committed: Mapping[int, int], limit: int | None = None) -> int:
        """Look at the next `limit` states of each partition and drop the expired ones; returns how many.

        Called again and again it comes around to every state: without a `limit`, in some 300 calls, or as many as there
        are hundreds of states. `committed` are the raw offsets at which a replay
        may begin, by partition: what one could ask for stays, older checkpoints go. No tombstones are written:
        the changelog has a retention of its own, and what is loaded from it is swept as well.
        """
        return sum(
            held.sweep(expired, committed.get(partition, 0), limit or _part(len(held.states)))
            for partition, held in self._partitions.items()
        )


def _part(states: int) -> int:
    return max(_LOOKED_AT_LEAST, -(-states // _CALLS_AROUND))


def _is_gone(value: bytes, expired: Expired, watermark_ms: int) -> bool:
    state = checkpoints.newest(value)
    return state is None or expired(state, watermark_ms)
