"""Rejections carry the bytes, the position and the reason, and are acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaTimeoutError

from eventrail import __version__
from eventrail.contract import topics
from eventrail.contract.v1.rejected_pb2 import RejectedEvent, RejectionReason, Stage
from eventrail.errors import ContractError, KafkaUnavailable
from eventrail.settings import KafkaSettings
from writer.consumer import connected_producer
from writer.rejections import RejectedTopic, Rejection, message, of_contract_error

Source = Callable[..., Any]

REFUSED = RejectionReason.REJECTION_REASON_INSERT_REFUSED


def test_the_message_says_all_there_is(source: Source) -> None:
    source(b"")
    record = source(b"\xff\x00", partition=5, key=b"visitor")
    assert message(Rejection(record, REFUSED, "why", "shop", "id"), 1234) == RejectedEvent(
        stage=Stage.STAGE_WRITER,
        reason=REFUSED,
        detail="why",
        rejected_at_ms=1234,
        source_topic="eventrail.enriched.v1",
        source_partition=5,
        source_offset=1,
        source_index=-1,
        website_id="shop",
        event_id="id",
        original=b"\xff\x00",
        original_key=b"visitor",
        software_version=__version__,
    )


def test_a_record_without_value_and_key(source: Source) -> None:
    made = message(Rejection(source(None), REFUSED, "why"), 1)
    assert made.original == made.original_key == b""


def test_the_detail_is_bounded(source: Source) -> None:
    assert len(message(Rejection(source(b""), REFUSED, "x" * 5000), 1).detail) == 1024


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (True, RejectionReason.REJECTION_REASON_INVALID),
        (False, RejectionReason.REJECTION_REASON_UNDECODABLE),
    ],
)
def test_a_broken_rule_is_told_from_what_does_not_decode(
    source: Source, rule: bool, reason: RejectionReason.ValueType
) -> None:
    made = of_contract_error(source(b""), ContractError("why", rule=rule), "shop", "id")
    assert (made.reason, made.detail, made.website_id, made.event_id) == (reason, "why", "shop", "id")


class FailingProducer:
    async def send(self, *_: Any, **__: Any) -> asyncio.Future[object]:
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        answer.set_exception(KafkaTimeoutError())
        return answer


async def test_what_is_not_acknowledged_is_unavailable(source: Source) -> None:
    rejections = [Rejection(source(b""), REFUSED, "why") for _ in range(3)]
    with pytest.raises(KafkaUnavailable, match=r"eventrail\.rejected\.v1: not acknowledged"):
        await RejectedTopic(FailingProducer()).send(rejections, 1)


@pytest_asyncio.fixture
async def sent(topics_made: str) -> AsyncIterator[Callable[..., Any]]:
    """Sends rejections and answers what then stands on the topic for the test's website."""
    website = uuid4().hex
    async with (
        await connected_producer(KafkaSettings(kafka_bootstrap_servers=topics_made)) as sender,
        AIOKafkaConsumer(topics.REJECTED.name, bootstrap_servers=topics_made) as consumer,
    ):
        for partition in consumer.assignment():
            await consumer.position(partition)

        async def send(*records: Any) -> list[Any]:
            rejections = [Rejection(record, REFUSED, "why", website) for record in records]
            await RejectedTopic(sender).send(rejections, 1)
            found: list[Any] = []
            async with asyncio.timeout(30):
                while len(found) < len(records):
                    got = await consumer.getmany(timeout_ms=200)
                    found += [one for all_of in got.values() for one in all_of if one.key == website.encode()]
            return found

        yield send


@pytest.mark.stack
async def test_a_website_keeps_to_one_partition_in_order(sent: Callable[..., Any], source: Source) -> None:
    found = await sent(source(b"a"), source(b"b"), source(b"c"))
    assert len({record.partition for record in found}) == 1
    assert [RejectedEvent.FromString(record.value).original for record in found] == [b"a", b"b", b"c"]


@pytest.mark.stack
async def test_a_record_of_the_largest_size_keeps_all_its_bytes(
    sent: Callable[..., Any], source: Source
) -> None:
    [found] = await sent(source(b"x" * 1_048_570, key=b"k" * 100))
    event = RejectedEvent.FromString(found.value)
    assert event.original == b"x" * 1_048_570
    assert event.original_key == b"k" * 100


@pytest.mark.stack
async def test_what_does_not_fit_is_told_without_its_bytes(sent: Callable[..., Any], source: Source) -> None:
    [found] = await sent(source(b"x" * 2_097_000))
    event = RejectedEvent.FromString(found.value)
    assert event.original == b""
    assert "its 2097000 bytes do not fit here: read them at the source position" in event.detail
