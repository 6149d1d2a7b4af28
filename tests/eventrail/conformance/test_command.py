"""`python -m eventrail contract verify` on the real broker."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import pytest
from aiokafka.admin import NewTopic

from eventrail.__main__ import main
from eventrail.conformance.findings import RULES, AnyRule
from eventrail.contract.topics import ENRICHED
from eventrail.kafka.admin import admin
from eventrail.kafka.records import Record as Sent
from eventrail.kafka.records import producer, send
from eventrail_subscriber.fake import Record
from tests.eventrail.conformance.planted import PARTITION, PARTITIONS, broken, kept


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventrail.logs.configure", lambda *_: None)  # it is the whole process's


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> "Verify":
    return Verify(capsys)


class Verify:
    """The command, in a thread of its own, as it has a loop of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        status = await asyncio.to_thread(main, ["contract", "verify", *arguments])
        out, err = self._capsys.readouterr()
        return Said(status, out, err)


async def topic_with(kafka: str, records: Sequence[Record]) -> str:
    """The name of a new topic of PARTITIONS with these records."""
    name = f"conformance-{uuid4()}"
    async with admin(kafka) as client:
        await client.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs={"retention.ms": "-1"})])
    async with producer(kafka) as sender:
        sent = [Sent(record.value, record.key, record.headers, record.timestamp) for record in records]
        if sent:
            await send(sender, name, PARTITION, sent)
    return name


@pytest.mark.stack
async def test_a_topic_that_keeps_the_contract(kafka: str, said: Verify) -> None:
    name = await topic_with(kafka, kept())
    told = await said("--topic", name, "--bootstrap", kafka)
    assert (told.status, told.err) == (0, "")
    assert f"{name} at {kafka}: {len(kept())} records of 2 partitions" in told.out
    assert told.out.endswith("the contract is kept\n")
    assert "copies, which subscribers drop: 3 of the enricher, 1 of clients" in told.out


@pytest.mark.stack
@pytest.mark.parametrize("rule", RULES)
async def test_a_topic_that_breaks_a_rule(kafka: str, said: Verify, rule: AnyRule) -> None:
    records = broken(rule)
    name = await topic_with(kafka, records)
    told = await said("--topic", name, "--bootstrap", kafka, "--json")
    assert told.status == 3
    rules = json.loads(told.out)["rules"]
    assert [each for each in rules if rules[each]["broken"]] == [str(rule)]
    assert [example["at"] for example in rules[rule]["examples"]] == [f"0:{len(records) - 1}"]
    told = await said("--topic", name, "--bootstrap", kafka)
    assert told.status == 3
    assert f"BROKEN {rule}" in told.out


@pytest.mark.stack
async def test_a_range_of_offsets_is_read_and_nothing_else(kafka: str, said: Verify) -> None:
    records = broken(next(iter(RULES)))
    name = await topic_with(kafka, records)
    before = (
        "--topic",
        name,
        "--bootstrap",
        kafka,
        "--partition",
        "0",
        "--from",
        "2",
        "--to",
        str(len(records) - 1),
    )
    told = await said(*before, "--json")
    assert told.status == 0
    assert json.loads(told.out)["records"] == len(records) - 3
    told = await said("--topic", name, "--bootstrap", kafka, "--last", "1", "--json")
    assert (told.status, json.loads(told.out)["records"]) == (3, 1)


@pytest.mark.stack
async def test_a_topic_without_records_is_not_called_good(kafka: str, said: Verify) -> None:
    name = await topic_with(kafka, [])
    told = await said("--topic", name, "--bootstrap", kafka)
    assert (told.status, told.out) == (4, "")
    assert told.err == f"{name} at {kafka}: no record stands there, so nothing is verified\n"


@pytest.mark.stack
async def test_a_topic_that_is_not_there_is_told_and_not_made(kafka: str, said: Verify) -> None:
    name = f"conformance-{uuid4()}"
    told = await said("--topic", name, "--bootstrap", kafka)
    assert told.status == 2
    assert f"there is no topic {name} at {kafka}" in told.err
    async with admin(kafka) as client:
        assert name not in await client.list_topics()


async def test_a_broker_that_does_not_answer_is_told(said: Verify) -> None:
    told = await said("--bootstrap", "127.0.0.1:1")
    assert told.status == 1
    assert told.err.startswith("eventrail contract: no answer from Kafka at 127.0.0.1:1: ")
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--bootstrap", "nonsense"], "--bootstrap nonsense: expected HOST:PORT"),
        (["--bootstrap", "a:1,b"], "--bootstrap a:1,b: expected HOST:PORT"),
        (["--last", "0"], "--last 0: expected 1 or more"),
        (["--from", "5"], "say which by --partition"),
    ],
)
async def test_options_that_are_wrong_are_told(said: Verify, arguments: list[str], complaint: str) -> None:
    told = await said(*arguments)
    assert told.status == 2
    assert complaint in told.err


def test_the_topic_is_the_public_one_unless_another_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["contract", "verify", "--help"])
    assert f"default: {ENRICHED.name}" in capsys.readouterr().out
