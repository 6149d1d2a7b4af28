from uuid import uuid4

import pytest

from enricher.raw_ends import RawEnds
from eventrail.contract.topics import ALL, RAW
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import Record, producer, send
from eventrail.settings import KafkaSettings


async def test_without_a_broker_it_says_so_each_time(unused_tcp_port: int) -> None:
    ends = RawEnds(f"127.0.0.1:{unused_tcp_port}")
    for _ in range(2):
        with pytest.raises(KafkaUnavailable, match="no answer about its ends"):
            await ends.ends([0])
    await ends.close()


@pytest.mark.stack
async def test_the_ends_grow_although_nobody_fetches(kafka: str) -> None:
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), ALL)
    ends = RawEnds(kafka)
    before = await ends.ends([0, 1])
    async with producer(kafka) as sender:
        await send(sender, RAW.name, 1, [Record(uuid4().bytes) for _ in range(3)])
    after = await ends.ends([0, 1])
    assert (after[0], after[1]) == (before[0], before[1] + 3)
    assert (await ends.ends([1])).keys() == {1}
    await ends.close()
