"""The door to the topics that replayed events go back to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from eventrail.contract.topics import ENRICHED, RAW
from eventrail.errors import ConfigurationError
from eventrail.kafka.admin import admin
from eventrail.kafka.ending import end
from eventrail.kafka.records import producer
from eventrail.kafka.security import unreachable
from eventrail.rejected.plan import Planned
from eventrail.rejected.trace import Place
from eventrail.settings import KafkaSettings

ACKNOWLEDGED_SECONDS: Final = 30.0
"""How long the broker may take to acknowledge a group of events."""


class Outbox:
    """Sends planned events, each as a record of its own, and tells where they stand."""

    def __init__(
        self,
        sender: AIOKafkaProducer,
        partitions: Mapping[str, int],
        acknowledged_seconds: float = ACKNOWLEDGED_SECONDS,
    ) -> None:
        self._sender = sender
        self._partitions = partitions
        self._acknowledged_seconds = acknowledged_seconds

    def has_partition(self, event: Planned) -> bool:
        """Whether its topic has the partition that it is to go to."""
        return _has_partition(self._partitions, event)

    async def send(self, events: Sequence[Planned]) -> list[Place | None]:
        """Where each of `events` stands now; None for one that the broker did not acknowledge in time."""
        waiting = [asyncio.ensure_future(self._send(event)) for event in events]
        done, late = await asyncio.wait(waiting, timeout=self._acknowledged_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        return [_place(task) if task in done else None for task in waiting]

    async def _send(self, event: Planned) -> Any:
        # Without a timestamp of its own: it is kept for its time from now on, however old the event is.
        acknowledged = await self._sender.send(
            event.topic, event.value, key=event.key, partition=event.partition, headers=list(event.headers)
        )
        return await acknowledged


def _place(task: "asyncio.Future[Any]") -> Place | None:
    error = task.exception()
    if error is None:
        return Place(task.result().partition, task.result().offset)
    if isinstance(error, KafkaError):
        return None
    raise error


@asynccontextmanager
async def outbox(settings: KafkaSettings) -> AsyncIterator[Outbox]:
    """A connected Outbox. Raises KafkaUnavailable or ConfigurationError."""
    partitions = await partition_counts(settings)
    sender = producer(settings)
    try:
        try:
            await sender.start()
        except (KafkaError, OSError) as error:
            raise await unreachable(settings, error) from error
        yield Outbox(sender, partitions)
    finally:
        await end(sender.stop())


class DryOutbox:
    """Knows the topics and sends nothing."""

    def __init__(self, partitions: Mapping[str, int]) -> None:
        self._partitions = partitions

    def has_partition(self, event: Planned) -> bool:
        return _has_partition(self._partitions, event)

    async def send(self, events: Sequence[Planned]) -> list[Place | None]:
        """Raises AssertionError: whoever plans a dry run must not come here."""
        raise AssertionError(f"a dry run sends nothing, but was given {len(events)} events")


def _has_partition(partitions: Mapping[str, int], event: Planned) -> bool:
    return event.partition is None or event.partition < partitions[event.topic]


async def partition_counts(settings: KafkaSettings) -> dict[str, int]:
    """How many partitions the topics have that events go back to. Raises KafkaUnavailable or ConfigurationError."""
    names = [RAW.name, ENRICHED.name]
    async with admin(settings) as client:
        described = await client.describe_topics(names)
    counts = {item["topic"]: len(item["partitions"]) for item in described if item["error_code"] == 0}
    missing = [name for name in names if name not in counts]
    if missing:
        raise ConfigurationError(f"no topic {', '.join(missing)}; run: python -m eventrail topics create")
    return counts
