"""Where the raw topic ends, asked over a connection of its own: a consumer that stands still cannot colour it."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from eventrail.contract.topics import RAW
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.ending import end
from eventrail.kafka.security import Brokers, client_options

_ANSWER_SECONDS = 3.0
_CLOSE_SECONDS = 2.0


class RawEnds:
    """Connects when it is first asked; belongs to no group."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._client: AIOKafkaConsumer | None = None

    async def ends(self, partitions: Sequence[int]) -> dict[int, int]:
        """Offset of the next record, by partition; takes at most 5 s.

        Raises KafkaUnavailable; the next question then connects anew.
        """
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._ask([TopicPartition(RAW.name, number) for number in partitions])
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise KafkaUnavailable(f"{RAW.name}: no answer about its ends: {error!r}") from error

    async def _ask(self, wanted: Sequence[TopicPartition]) -> dict[int, int]:
        if self._client is None:
            self._client = AIOKafkaConsumer(**client_options(self._brokers))
            await self._client.start()
        ends = await self._client.end_offsets(wanted)
        return {one.partition: end for one, end in ends.items()}

    async def close(self) -> None:
        """Close the connection; does nothing where there is none."""
        client, self._client = self._client, None
        if client is not None:
            await end(client.stop(), _CLOSE_SECONDS)
