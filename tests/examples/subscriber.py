"""An example subscriber, run as its page says, on the embedded broker."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer, TopicPartition

from eventrail.contract.topics import ALL, ENRICHED
from eventrail.kafka.admin import admin, create_topics
from eventrail.kafka.offsets import committed
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from eventrail_subscriber import EnrichedEvent, properties, read
from eventrail_subscriber.fake import FakeTopic, Record

EXAMPLES = Path(__file__).parents[2] / "examples" / "subscribers"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Purchase:
    """One line of an example."""

    id: str
    country: str
    amount: float


@dataclass
class Topic:
    """The public topic of the embedded broker; what other tests left there is passed over by its ids."""

    sender: AIOKafkaProducer
    fake: FakeTopic = field(default_factory=FakeTopic)
    last: Any = None

    async def purchase(self, amount: float) -> Purchase:
        """Publish a purchase of a visitor of its own."""
        facts: dict[str, Any] = {
            "visitor_id": f"visitor-{uuid4()}",
            "event_id": str(uuid4()),
            "geo": {"country": "DE"},
        }
        return await self.send(self.fake.publish("purchase", {"amount": amount}, **facts))

    async def send(self, *records: Record) -> Purchase:
        """Publish `records` where their keys belong; what an example tells of the last one, which is whole."""
        for record in records:
            headers = list(record.headers)
            self.last = await self.sender.send_and_wait(
                ENRICHED.name, record.value, key=record.key, headers=headers
            )
        event = read(records[-1].key, records[-1].value, records[-1].headers)
        return Purchase(event.event_id, event.geo.country, properties(event)["amount"])

    async def until_committed(self, kafka: str, group: str) -> None:
        """Wait until `group` has done what was sent last."""
        at = TopicPartition(ENRICHED.name, self.last.partition)
        async with admin(kafka) as client, asyncio.timeout(START_SECONDS):
            while (await committed(client, group, [at])).get(at.partition, 0) <= self.last.offset:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@asynccontextmanager
async def topic(kafka: str) -> AsyncIterator[Topic]:
    """The topic, made where it is missing."""
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), ALL)
    async with producer(kafka) as sender:
        yield Topic(sender)


class Running:
    """A started example."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self._process = process
        self._errors = errors

    async def until(self, *wanted: Purchase) -> list[Purchase]:
        """What it printed up to one of `wanted`, other tests' events included. Fails where none of them comes."""
        told: list[Purchase] = []
        try:
            async with asyncio.timeout(START_SECONDS):
                while not told or told[-1] not in wanted:
                    told.append(await self._next())
        except TimeoutError:
            raise AssertionError(f"{told}, and not {wanted}: {self.complaints()}") from None
        return told

    async def _next(self) -> Purchase:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, self.complaints()
        return Purchase(**json.loads(line))

    def complaints(self) -> str:
        """What it wrote to its standard error."""
        return self._errors.read_text()


@asynccontextmanager
async def running(
    command: Sequence[str | Path],
    folder: Path,
    kafka: str,
    group: str,
    variables: Mapping[str, str] = os.environ,
) -> AsyncIterator[Running]:
    """Run `command` as the group `group`; what it writes to its standard error goes to a file in `folder`."""
    errors = folder / "errors"
    with errors.open("a") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**variables, "BROKERS": kafka, "GROUP": group},
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )
        try:
            yield Running(process, errors)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def check(command: Sequence[str | Path], folder: Path, kafka: str, **more: Any) -> None:
    """What all examples have in common: each purchase once, faults told and passed over, a restart goes on."""
    group = f"example-{uuid4()}"
    async with topic(kafka) as there:
        first, second = await there.purchase(1.5), await there.purchase(2)
        copied, other = there.fake.records
        await there.send(copied, _broken(copied), _of_another_type(other), copied)
        third = await there.purchase(3)
        async with running(command, folder, kafka, group, **more) as example:
            told = [told async for told in _until_all(example, {first, second, third})]
            # Behind a copy on the same partition: that would be told before.
            last = await there.send(copied, _next_of_same_visitor(copied))
            told += await example.until(last)
            ours = [one for one in told if one in (first, second, third, last)]
            assert sorted(ours, key=lambda one: one.id) == sorted(
                (first, second, third, last), key=lambda one: one.id
            )
            assert ours[-1] == last
            assert f"{ENRICHED.name}/" in example.complaints()


async def _until_all(example: Running, wanted: set[Purchase]) -> AsyncIterator[Purchase]:
    missing = set(wanted)
    while missing:
        for one in await example.until(*missing):
            missing.discard(one)
            yield one


def _broken(record: Record) -> Record:
    return replace(record, value=b"\xff\xff")


def _of_another_type(record: Record) -> Record:
    headers = tuple((name, b"another" if name == "ce_type" else value) for name, value in record.headers)
    return replace(record, headers=headers)


def _next_of_same_visitor(record: Record) -> Record:
    event = EnrichedEvent.FromString(record.value)
    facts: dict[str, Any] = {field.name: value for field, value in event.ListFields()}
    return FakeTopic().publish(**{**facts, "event_id": str(uuid4())})
