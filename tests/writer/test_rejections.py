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
from eventrail.kafka import records
from eventrail.kafka.records import producer
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


class MemoryProducer:
    """Acknowledges what it is sent; with a `fault` it refuses it, and silent it never answers."""

    def __init__(self, fault: Exception | None = None, *, silent: bool = False) -> None:
        self.fault, self.silent = fault, silent
        self.sent = 0
        self.ended = False

    async def send(self, *_: Any, **__: Any) -> asyncio.Future[object]:
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if self.fault:
            answer.set_exception(self.fault)
        elif not self.silent:
            answer.set_result(None)
        self.sent += 1
        return answer

    async def stop(self) -> None:
        self.ended = True


@pytest.fixture(autouse=True)
def dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer in memory can be dropped too."""
    real = records.abandon

    async def drop(producer: Any) -> None:
        if isinstance(producer, MemoryProducer):
            producer.ended = True
        else:
            await real(producer)

    monkeypatch.setattr("writer.rejections.abandon", drop)


def topic_of(*producers: Any) -> RejectedTopic:
    """Connects to each of `producers` in turn."""
    left = list(producers)

    async def connect() -> Any:
        return left.pop(0)

    return RejectedTopic(connect)


async def test_one_producer_is_kept_while_all_is_well(source: Source) -> None:
    only = MemoryProducer()
    topic = topic_of(only)
    for _ in range(3):
        await topic.send([Rejection(source(b""), REFUSED, "why")], 1)
    assert only.sent == 3
    await topic.close()
    assert only.ended


async def test_what_is_not_acknowledged_is_unavailable_and_the_next_try_has_a_new_producer(
    source: Source,
) -> None:
    refusing, well = MemoryProducer(KafkaTimeoutError()), MemoryProducer()
    topic = topic_of(refusing, well)
    rejections = [Rejection(source(b""), REFUSED, "why") for _ in range(3)]
    with pytest.raises(KafkaUnavailable, match=r"eventrail\.rejected\.v1: not acknowledged"):
        await topic.send(rejections, 1)
    assert refusing.ended
    await topic.send(rejections, 1)
    assert (refusing.sent, well.sent) == (3, 3)


async def test_a_broker_that_is_silent_is_not_waited_for_without_end(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("writer.rejections._SILENT_SECONDS", 0.05)
    silent, well = MemoryProducer(silent=True), MemoryProducer()
    topic = topic_of(silent, well)
    rejections = [Rejection(source(b""), REFUSED, "why")]
    with pytest.raises(KafkaUnavailable, match=r"not acknowledged within 0\.05 s"):
        await asyncio.wait_for(topic.send(rejections, 1), 10)
    assert silent.ended
    await topic.send(rejections, 1)
    assert well.sent == 1


async def test_a_slow_broker_is_waited_for_while_it_acknowledges(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("writer.rejections._SILENT_SECONDS", 0.3)

    class Slow(MemoryProducer):
        async def send(self, *_: Any, **__: Any) -> asyncio.Future[object]:
            self.sent += 1
            return asyncio.ensure_future(asyncio.sleep(0.1 * self.sent))

    slow = Slow()
    await topic_of(slow).send([Rejection(source(b""), REFUSED, "why") for _ in range(6)], 1)
    assert not slow.ended


async def test_without_a_connection_the_next_try_connects_again(source: Source) -> None:
    well = MemoryProducer()
    answers: list[Any] = [KafkaUnavailable("away"), well]

    async def connect() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    topic = RejectedTopic(connect)
    with pytest.raises(KafkaUnavailable, match="away"):
        await topic.send([Rejection(source(b""), REFUSED, "why")], 1)
    await topic.send([Rejection(source(b""), REFUSED, "why")], 1)
    assert well.sent == 1


@pytest_asyncio.fixture
async def sent(topics_made: str) -> AsyncIterator[Callable[..., Any]]:
    """Sends rejections and answers what then stands on the topic for the test's website."""
    website = uuid4().hex
    kafka = KafkaSettings(kafka_bootstrap_servers=topics_made)
    topic = RejectedTopic(lambda: connected_producer(kafka))
    async with AIOKafkaConsumer(topics.REJECTED.name, bootstrap_servers=topics_made) as consumer:
        for partition in consumer.assignment():
            await consumer.position(partition)

        async def send(*records: Any) -> list[Any]:
            rejections = [Rejection(record, REFUSED, "why", website) for record in records]
            await topic.send(rejections, 1)
            found: list[Any] = []
            async with asyncio.timeout(30):
                while len(found) < len(records):
                    got = await consumer.getmany(timeout_ms=200)
                    found += [one for all_of in got.values() for one in all_of if one.key == website.encode()]
            return found

        yield send
        await topic.close()


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


@pytest.mark.stack
async def test_a_refusal_of_the_broker_does_not_spoil_what_comes_after(
    topics_made: str, source: Source
) -> None:
    """The first producer may send more than the topic takes; after that answer its sequence has a gap."""
    kafka = KafkaSettings(kafka_bootstrap_servers=topics_made)
    made: list[Any] = []

    async def connect() -> Any:
        made.append(producer(kafka, max_batch_size=4 << 20, max_request_size=4 << 20))
        await made[-1].start()
        return made[-1]

    topic = RejectedTopic(connect)
    website = uuid4().hex
    before = asyncio.all_tasks()
    await topic.send([Rejection(source(b"a"), REFUSED, "why", website)], 1)
    with pytest.raises(KafkaUnavailable, match="MessageSizeTooLargeError"):
        await topic.send([Rejection(source(b"x" * (3 << 20)), REFUSED, "why", website)], 1)
    await topic.send([Rejection(source(b"b"), REFUSED, "why", website)], 1)
    assert len(made) == 2
    await topic.close()
    assert asyncio.all_tasks() == before


@pytest.mark.stack
async def test_a_batch_that_is_sent_again_without_end_is_given_up_and_leaves_nothing_running(
    topics_made: str, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As below min.insync.replicas, which a topic of one replica cannot fall below."""

    def enqueue_again(self: Any, _response: Any) -> None:
        self._to_reenqueue += self._batches.values()

    monkeypatch.setattr("writer.rejections._SILENT_SECONDS", 2.0)
    kafka = KafkaSettings(kafka_bootstrap_servers=topics_made)
    topic = RejectedTopic(lambda: connected_producer(kafka))
    before = asyncio.all_tasks()
    with monkeypatch.context() as patched:
        patched.setattr("aiokafka.producer.sender.SendProduceReqHandler.handle_response", enqueue_again)
        with pytest.raises(KafkaUnavailable, match="not acknowledged within 2 s"):
            await asyncio.wait_for(topic.send([Rejection(source(b"a"), REFUSED, "why")], 1), 30)
    assert asyncio.all_tasks() == before
    await topic.send([Rejection(source(b"a"), REFUSED, "why")], 1)
    await topic.close()
