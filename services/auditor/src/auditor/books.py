"""What the two halves of the auditor share in memory: how far the ledger holds the topics. One event loop."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from auditor.checkpoints import Checkpoints, Place
from auditor.rounds import Minutes
from auditor.statements import Expired, Log
from eventrail.checkpoints import Offsets

KEPT_EXPIRED_SECONDS: Final = 72 * 3600
"""As long as the ledger keeps raw events, so that what expired is told apart from what is missing."""


class Held(NamedTuple):
    """How far the ledger held both topics at one moment: the next offset that it lacked, by partition."""

    raw: Offsets
    rejected: Offsets


@dataclass
class Books:
    """`logs`: the current log of each raw partition. `raw`, `rejected`: the next offset that the ledger lacks.

    `expired`: ranges that do not touch each other. `lost`: expired records that nobody read, by minute of discovery.
    `gaps`: partition, first and end of raw records that were removed before this process could read them.
    `opened` is set once the follower knows where it stands; `anew` asks it to look again.
    """

    minutes: Minutes
    checkpoints: Checkpoints
    logs: dict[int, int] = field(default_factory=dict)
    raw: dict[int, int] = field(default_factory=dict)
    rejected: dict[int, int] = field(default_factory=dict)
    expired: list[Expired] = field(default_factory=list)
    lost: Counter[int] = field(default_factory=Counter)
    gaps: list[tuple[int, int, int]] = field(default_factory=list)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    anew: asyncio.Event = field(default_factory=asyncio.Event)

    def restore(self, logs: list[Log], expired: list[Expired]) -> None:
        """What an earlier process knew."""
        for one in logs:
            self.logs[one.raw_partition] = one.raw_log
            self.checkpoints.settled[one.raw_partition] = one.settled
        for range_ in expired:
            self.add_expired(range_)

    def held(self) -> Held:
        """As of now; it stays as it is."""
        return Held(dict(self.raw), dict(self.rejected))

    def add_expired(self, found: Expired) -> None:
        """Note a range. It becomes one with those that it touches: each query carries all of them."""
        self.lost[found.minute] += found.unread
        touching = [one for one in self.expired if one.touches(found)]
        self.expired = [one for one in self.expired if one not in touching]
        self.expired.append(
            found._replace(
                first=min(one.first for one in [found, *touching]),
                end=max(one.end for one in [found, *touching]),
                unread=sum(one.unread for one in [found, *touching]),
                minute=max(one.minute for one in [found, *touching]),
            )
        )

    def drop_expired(self, now: int, enricher: Offsets) -> None:
        """Forget what was found too long before `now` (Unix seconds) to matter.

        What the `enricher` did not pass yet stays: it would be found, and told, once more.
        """
        oldest = now - KEPT_EXPIRED_SECONDS
        self.expired = [
            one
            for one in self.expired
            if one.minute >= oldest
            or (
                self.logs.get(one.raw_partition) == one.raw_log
                and enricher.get(one.raw_partition, 0) < one.end
            )
        ]
        for minute in [at for at in self.lost if at < oldest]:
            del self.lost[minute]

    def rows(self) -> list[Log]:
        """What the next process is to know."""
        nowhere = Place(0, 0)
        return [
            Log(partition, log, self.checkpoints.settled.get(partition, nowhere))
            for partition, log in sorted(self.logs.items())
        ]
