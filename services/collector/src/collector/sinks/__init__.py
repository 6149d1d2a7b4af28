"""Where accepted events go: the seam between HTTP and Kafka."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec


class Placed(NamedTuple):
    """One event on its way.

    `key` is the 64 bit hash that chooses the partition (modulo their number), `value` the serialized RawEvent.
    """

    key: int
    value: bytes


class Published(msgspec.Struct, frozen=True):
    """What became of the events of one `publish`.

    `failures` holds, by place among the events, why an event was not acknowledged; all others are
    durable. `offsets` is the highest raw offset of the acknowledged ones, by partition. With `on_disk`
    some of the durable ones are in this collector's spool and not acknowledged by Kafka yet: they have no offset.
    """

    failures: Mapping[int, str] = msgspec.field(default_factory=dict)
    offsets: Mapping[int, int] = msgspec.field(default_factory=dict)
    on_disk: bool = False


class Sink(Protocol):
    """Takes accepted events and says what became of each; its one suite is tests/contracts/test_sink_contract.py.

    Events of one call that share a partition are kept in their order. A failed event may still arrive
    once, later; an acknowledged one has arrived.
    """

    def publish(self, events: Sequence[Placed]) -> Awaitable[Published]:
        """Wait until each of `events` is acknowledged or given up; within a stated time, and never raises.

        A Future that is handed back, done or not, costs its caller no task.
        """
        ...

    def give_up(self) -> None:
        """Let each `publish` that waits end now, in the order of their calls; what is not acknowledged has failed."""
        ...

    def trouble(self) -> str | None:
        """Why `publish` would fail now, in one line; None where it should succeed."""
        ...

    async def close(self) -> None:
        """Take nothing more, and wait until what was taken is acknowledged or given up."""
        ...


def all_failed(count: int, reason: str) -> Published:
    """None of `count` events was taken."""
    return Published(failures=dict.fromkeys(range(count), reason))
