"""Which numbers of partitions can follow which, and whose states a new partition needs.

A visitor's raw partition is a hash modulo the number of partitions. With `factor` times as many, the visitors of
partition p are spread over p, p + old, p + 2 x old and so on, and no others come there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eventrail.contract.topics import ALL, RAW, SESSIONS_CHANGELOG, Topic
from eventrail.errors import ConfigurationError

GENERAL: Final[tuple[Topic, ...]] = (
    # The raw topic comes last: as long as it is as it was, no visitor has moved, and no service starts meanwhile.
    SESSIONS_CHANGELOG,
    *(topic for topic in ALL if not topic.single_partition and topic not in (SESSIONS_CHANGELOG, RAW)),
    RAW,
)
"""The topics that have the same number of partitions, in the order in which they get more."""


@dataclass(frozen=True)
class Plan:
    """From `old` partitions of the raw topic to `new` ones; `short` are the topics that do not have them yet."""

    old: int
    new: int
    short: tuple[str, ...]

    def heirs(self, partition: int) -> Sequence[int]:
        """The new partitions to which visitors of an old one move."""
        return range(partition + self.old, self.new, self.old)


def plan(counts: Mapping[str, int], wanted: int) -> Plan:
    """How to come to `wanted` partitions from `counts`, the partitions of each of GENERAL.

    An increase that was broken off is gone on with. Raises ConfigurationError where it is not possible.
    """
    old = counts[RAW.name]
    if wanted < old:
        raise ConfigurationError(f"{RAW.name} has {old} partitions, and Kafka takes none away: not {wanted}")
    if wanted % old:
        raise ConfigurationError(
            f"{wanted} is no multiple of the {old} partitions of {RAW.name}: "
            f"a visitor's session could not follow it; possible are {2 * old}, {3 * old} and so on"
        )
    strange = {name: count for name, count in counts.items() if count not in (old, wanted)}
    if strange:
        raise ConfigurationError(
            f"{_told(strange)}, but must have {old}, or {wanted} where an increase to {wanted} was broken off"
        )
    return Plan(old, wanted, tuple(topic.name for topic in GENERAL if counts[topic.name] < wanted))


def _told(counts: Mapping[str, int]) -> str:
    return " and ".join(f"{name} has {count} partitions" for name, count in sorted(counts.items()))
