"""The enricher's own account of what is done: Faust does not get to decide that (docs/adr).

Offsets are of the raw topic's partitions. An account holds for one generation of the consumer group: a
rebalance ends it, and the next one begins where the group's committed offsets stand.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What to do with a record that arrived."""

    TAKE = "take"
    """It is the next one."""
    SKIP = "skip"
    """It is done already, or belongs to an older generation or to somebody else."""
    GAP = "gap"
    """Records before it are missing: read again from the expected offset."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin a partition: the `offset`, and how many records retention took before they were read.

    `lost_place` is True where the committed offset lies behind the end, as after a topic was made anew.
    """

    offset: int
    expired: int = 0
    lost_place: bool = False


def start(committed: int | None, earliest: int, end: int) -> Start:
    """Where to begin, given the group's committed offset (None without one) and the log's two ends."""
    if committed is None:
        # Whatever stood before the first record is gone, and nobody says that it was read.
        return Start(earliest, expired=earliest)
    if committed < earliest:
        return Start(earliest, expired=earliest - committed)
    if committed > end:
        return Start(earliest, lost_place=True)
    return Start(committed)


class OffsetAccount:
    """Taken, done and committed offsets by partition; each is the offset of the record after the last one."""

    def __init__(self) -> None:
        self._generation: int | None = None
        self._taken: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._owed: set[int] = set()

    @property
    def generation(self) -> int | None:
        """The generation that the account is for; None between two of them."""
        return self._generation

    @property
    def done(self) -> Mapping[int, int]:
        """Offset of the next record that is not done, by partition."""
        return self._done

    def begin(self, generation: int, starts: Mapping[int, int], owed: Collection[int] = ()) -> None:
        """A new generation with the partitions of `starts`, each beginning at its offset.

        The starts of the partitions in `owed` are to be committed although nothing was done yet.
        """
        self._generation = generation
        self._owed = set(owed)
        self._taken, self._done, self._committed = dict(starts), dict(starts), dict(starts)

    def end(self) -> None:
        """The partitions may belong to others from now on: nothing is taken or done any more."""
        self._generation = None
        self._owed = set()
        self._taken, self._done, self._committed = {}, {}, {}

    def take(self, generation: int, partition: int, offset: int) -> Verdict:
        """What to do with a record that was fetched in `generation`; TAKE moves on to the next one."""
        expected = self._taken.get(partition)
        if generation != self._generation or expected is None or offset < expected:
            return Verdict.SKIP
        if offset > expected:
            return Verdict.GAP
        self._taken[partition] = offset + 1
        return Verdict.TAKE

    def expected(self, partition: int) -> int:
        """Offset of the record that is to be taken next."""
        return self._taken[partition]

    def give_back(self) -> None:
        """What was taken and is not done will not be done: it has to be read again."""
        self._taken = dict(self._done)

    def finish(self, generation: int, partition: int, offset: int) -> bool:
        """Mark a record whose every output is acknowledged; False where it is not ours to mark any more."""
        if generation != self._generation or self._done.get(partition) != offset:
            return False
        self._done[partition] = offset + 1
        return True

    def skip_to(self, partition: int, offset: int) -> None:
        """Go on at `offset` because the records before it are gone for good; nothing of it may be in work."""
        self._taken[partition] = self._done[partition] = offset

    def replay_starts(self) -> Mapping[int, int]:
        """The lowest offset at which a replay may begin from now on, by partition; it never goes back."""
        return self._committed

    def uncommitted(self) -> dict[int, int]:
        """Offsets to commit, by partition."""
        return {
            partition: offset
            for partition, offset in self._done.items()
            if offset != self._committed[partition] or partition in self._owed
        }

    def committed(self, generation: int, offsets: Mapping[int, int]) -> None:
        """Kafka has taken the commit of `offsets`."""
        if generation == self._generation:
            self._committed.update(offsets)
            self._owed -= offsets.keys()
