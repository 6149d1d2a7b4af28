"""What the two halves of the auditor share in memory: how far the ledger holds the topics. One event loop."""

import asyncio
from dataclasses import dataclass, field

from auditor.checkpoints import Checkpoints, Place
from auditor.rounds import Minutes
from auditor.statements import Expired, Log


@dataclass
class Books:
    """`logs`: the current log of each raw partition. `raw`, `rejected`: the next offset that the ledger lacks.

    `gaps`: partition, first and end of raw records that were removed before this process could read them.
    `opened` is set once the follower knows where it stands; `anew` asks it to look again.
    """

    minutes: Minutes
    checkpoints: Checkpoints
    logs: dict[int, int] = field(default_factory=dict)
    raw: dict[int, int] = field(default_factory=dict)
    rejected: dict[int, int] = field(default_factory=dict)
    expired: list[Expired] = field(default_factory=list)
    gaps: list[tuple[int, int, int]] = field(default_factory=list)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    anew: asyncio.Event = field(default_factory=asyncio.Event)

    def restore(self, logs: list[Log], expired: list[Expired]) -> None:
        """What an earlier process knew."""
        for one in logs:
            self.logs[one.raw_partition] = one.raw_log
            self.checkpoints.settled[one.raw_partition] = one.settled
        self.expired = list(expired)

    def rows(self) -> list[Log]:
        """What the next process is to know."""
        nowhere = Place(0, 0)
        return [
            Log(partition, log, self.checkpoints.settled.get(partition, nowhere))
            for partition, log in sorted(self.logs.items())
        ]
