import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from eventrail.contract.topics import ENRICHED, RAW
from eventrail.errors import KafkaUnavailable
from eventrail.rejected.outbox import DryOutbox, Outbox, outbox
from eventrail.rejected.plan import Planned, plan
from eventrail.rejected.trace import Place
from eventrail.settings import KafkaSettings
from tests.eventrail.rejected.making import by_enricher, by_writer, enriched, raw, record

COUNTS = {RAW.name: 4, ENRICHED.name: 4}


def event(place: int, **fields: Any) -> Planned:
    [found] = plan(record(by_enricher(raw(), **fields), 0, place), None)
    assert isinstance(found, Planned)
    return found


@dataclass
class Sender:
    """A producer that answers by the offset of the address: late, never, or with an error."""

    answers: dict[int, Any] = field(default_factory=dict)
    sent: int = 0

    async def send(self, topic: str, value: bytes, **where: Any) -> "asyncio.Future[Any]":
        self.sent += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        found = self.answers.get(self.sent, SimpleNamespace(partition=3, offset=self.sent))
        if isinstance(found, Exception):
            answer.set_exception(found)
        elif found is not None:
            answer.set_result(found)
        return answer


async def test_each_event_has_its_place() -> None:
    made = Outbox(Sender(), COUNTS)
    assert await made.send([event(0), event(1)]) == [Place(3, 1), Place(3, 2)]


async def test_what_is_late_or_fails_has_none_and_the_others_have_theirs() -> None:
    made = Outbox(Sender({1: None, 2: KafkaConnectionError()}), COUNTS, acknowledged_seconds=0.05)
    assert await made.send([event(0), event(1), event(2)]) == [None, None, Place(3, 3)]


async def test_a_fault_of_ours_is_raised() -> None:
    made = Outbox(Sender({1: ValueError("ours")}), COUNTS)
    with pytest.raises(ValueError, match="ours"):
        await made.send([event(0)])


async def test_what_the_producer_refuses_has_no_place() -> None:
    made = Outbox(Sender({1: MessageSizeTooLargeError()}), COUNTS)
    assert await made.send([event(0)]) == [None]


def test_a_partition_that_is_gone_is_known() -> None:
    for made in (Outbox(None, COUNTS), DryOutbox(COUNTS)):
        assert made.has_partition(event(0, source_partition=3))
        assert not made.has_partition(event(0, source_partition=4))
        [by_key] = plan(record(by_writer(enriched(), source_partition=9)), None)
        assert isinstance(by_key, Planned)
        assert made.has_partition(by_key)


async def test_a_dry_run_cannot_send() -> None:
    with pytest.raises(AssertionError, match="sends nothing"):
        await DryOutbox(COUNTS).send([event(0)])


async def test_no_broker_is_told() -> None:
    settings = KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1")
    with pytest.raises(KafkaUnavailable, match=r"127\.0\.0\.1:1"):
        async with outbox(settings):
            raise AssertionError("there is no broker")
