"""What the broker knows of the group: asked over a connection of its own, so that a stuck consumer cannot colour it."""

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import admin
from eventrail.kafka.security import client_options
from eventrail.settings import KafkaSettings
from writer.consumer import close

_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the group stands in one partition: `committed` and `end`.

    `committed` is the oldest offset that is left, where the group has no commit or one that is older than that.
    """

    committed: int
    end: int

    @property
    def lag(self) -> int:
        """Records that are not committed yet."""
        return max(self.end - self.committed, 0)


class GroupOffsets:
    """Asks for committed and end offsets of the enriched topic; connects when it is first asked."""

    def __init__(self, kafka: KafkaSettings, group: str) -> None:
        self._kafka = kafka
        self._group = group
        self._client: AIOKafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []

    async def places(self) -> dict[int, Place]:
        """Every partition's place. Raises KafkaUnavailable; the next question then connects anew."""
        try:
            return await asyncio.wait_for(self._ask(), _ANSWER_SECONDS)
        except (KafkaError, KafkaUnavailable, OSError, TimeoutError) as error:
            await self.close()
            raise KafkaUnavailable(f"no answer about the group's offsets: {error!r}") from error

    async def close(self) -> None:
        """Close the connection; does nothing where there is none."""
        client, self._client = self._client, None
        if client is not None:
            await close(client)

    async def _ask(self) -> dict[int, Place]:
        client = await self._connected()
        partitions = self._partitions
        ends = await client.end_offsets(partitions)
        firsts = await client.beginning_offsets(partitions)
        found = {}
        for partition in partitions:
            committed = await client.committed(partition)
            # What retention removed is no lag: nobody can read it any more.
            start = max(firsts[partition], committed or 0)
            found[partition.partition] = Place(start, ends[partition])
        return found

    async def _connected(self) -> AIOKafkaConsumer:
        if self._client is None:
            # It never subscribes, so it asks as somebody who is no member of the group.
            self._client = AIOKafkaConsumer(
                **client_options(self._kafka), group_id=self._group, enable_auto_commit=False
            )
            await self._client.start()
            self._partitions = await partitions_of(self._kafka)
        return self._client


async def partitions_of(kafka: KafkaSettings) -> list[TopicPartition]:
    """The partitions of the enriched topic. Raises KafkaUnavailable, also where there is no such topic."""
    name = topics.ENRICHED.name
    async with admin(kafka) as client:
        [described] = await client.describe_topics([name])
    if described["error_code"]:
        raise KafkaUnavailable(f"topic {name} does not exist; run: python -m eventrail topics create")
    return sorted(TopicPartition(name, item["partition"]) for item in described["partitions"])
