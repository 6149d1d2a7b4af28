"""What is told of a replay: who did it, how far it came, and where an event stands now."""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID


class Outcome(IntEnum):
    """How far the replay of an event has come; the numbers are those of the table `rejected_replays`."""

    INTENDED = 1
    SENT = 2


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command: by whom, on which machine, with which patch (SHA-256 in hexadecimal, or empty)."""

    replay_id: UUID
    os_user: str
    host: str
    patch_digest: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a replayed event stands on its topic now."""

    partition: int
    offset: int
