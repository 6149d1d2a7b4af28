"""`python -m eventrail contract verify`: the door."""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError, for_code
from aiokafka.partitioner import murmur2
from aiokafka.protocol.metadata import MetadataRequest

from eventrail import logs
from eventrail.checkpoints import Span
from eventrail.clock import Clock, SystemClock
from eventrail.conformance import report
from eventrail.conformance.findings import Findings
from eventrail.conformance.judge import Judge
from eventrail.conformance.selection import Selection
from eventrail.contract.topics import ENRICHED
from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.kafka.admin import admin
from eventrail.kafka.bounded import BoundedTopic, reading
from eventrail.settings import KafkaSettings, load

KEPT: Final = 0
BROKEN: Final = 3
NOTHING_READ: Final = 4

LAST: Final = 10_000

_ADDRESSES: Final = re.compile(r"[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*|(\[[0-9a-fA-F:]+\]:\d{1,5},?)+")
_RIGHT: Final = "docs/subscribe.md, section Access, has the rights of a subscriber"


def add(commands: Any) -> None:
    """Add the command to the subparsers of `python -m eventrail`."""
    contract = commands.add_parser("contract", help="whether a live topic keeps the public contract")
    actions = contract.add_subparsers(dest="action", required=True)
    verify = actions.add_parser(
        "verify",
        help="read records of a topic and hold them against docs/subscribe.md",
        description="Reads records between offsets that are known before it begins, without a consumer group. "
        "Exit status: 0 the contract is kept, 1 Kafka does not answer or lets this user not read, "
        "2 a wrong option or setting, or no such topic, 3 rules are broken, 4 there was nothing to read.",
    )
    verify.add_argument("--topic", default=ENRICHED.name, metavar="NAME", help=f"default: {ENRICHED.name}")
    verify.add_argument(
        "--bootstrap",
        metavar="HOST:PORT",
        help="brokers, comma separated (default: EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS)",
    )
    verify.add_argument(
        "--last",
        type=int,
        default=LAST,
        metavar="N",
        help=f"the newest records of each partition, about 1 kB of memory for each (default: {LAST:,})",
    )
    verify.add_argument("--partition", type=int, metavar="N", help="this one alone")
    verify.add_argument(
        "--from", type=int, dest="begin", metavar="OFFSET", help="of --partition, in the place of --last"
    )
    verify.add_argument("--to", type=int, dest="end", metavar="OFFSET", help="of --partition, to stop before")
    verify.add_argument("--json", action="store_true", help="print one JSON object")


def run(chosen: argparse.Namespace, clock: Clock | None = None) -> int:
    """Verify what was chosen, print what was found, and return the exit status (see `add`).

    Raises KafkaUnavailable or ConfigurationError.
    """
    logs.configure("eventrail", "CRITICAL")  # what goes wrong is raised, and told once
    selection = Selection(chosen.last, chosen.partition, chosen.begin, chosen.end)
    settings = _settings(chosen.bootstrap)
    where = f"{chosen.topic} at {settings.kafka_bootstrap_servers}"
    spans, found = asyncio.run(verified(settings, chosen.topic, selection, clock or SystemClock()))
    if chosen.json:
        print(json.dumps(report.as_json(where, spans, found)))  # noqa: T201 - read by a program
    elif found.records:
        print("\n".join(report.lines(where, spans, found)))  # noqa: T201 - read at a terminal
    if not found.records:
        print(f"{where}: no record stands there, so nothing is verified", file=sys.stderr)  # noqa: T201
        return NOTHING_READ
    return BROKEN if found.broken.total() else KEPT


def _settings(bootstrap: str | None) -> KafkaSettings:
    if bootstrap is None:
        return load(KafkaSettings)
    if not _ADDRESSES.fullmatch(bootstrap):
        raise ConfigurationError(
            f"--bootstrap {bootstrap}: expected HOST:PORT, or several with commas between"
        )
    return load(KafkaSettings).model_copy(update={"kafka_bootstrap_servers": bootstrap})


async def verified(
    settings: KafkaSettings, name: str, selection: Selection, clock: Clock
) -> tuple[dict[int, Span], Findings]:
    """What was read of the topic, and what was found there. Raises KafkaUnavailable or ConfigurationError."""
    await _check_that_it_is_there(settings, name)
    async with reading(settings, name) as consumer:
        return await _read(consumer, name, selection, clock)


async def _check_that_it_is_there(settings: KafkaSettings, name: str) -> None:
    async with admin(settings) as client:
        # The public way to ask would let the broker create the topic.
        request = MetadataRequest([name], allow_auto_topic_creation=False)
        answer = (await client._send_request(request)).to_object()  # noqa: SLF001
    (error,) = [for_code(item["error_code"]) for item in answer["topics"]]
    if error is UnknownTopicOrPartitionError:
        raise ConfigurationError(f"there is no topic {name} at {settings.kafka_bootstrap_servers}")
    if error is TopicAuthorizationFailedError:
        who = settings.kafka_sasl_username or "this client"
        raise KafkaUnavailable(f"{who} may not see {name}, if it exists at all; {_RIGHT}")
    if error.errno:
        raise KafkaUnavailable(f"{name}: {error.__name__}: {error.description}")


async def _read(
    consumer: AIOKafkaConsumer, name: str, selection: Selection, clock: Clock
) -> tuple[dict[int, Span], Findings]:
    topic = BoundedTopic(consumer, name)
    there = await topic.spans()
    spans = selection.of(there)
    judge = Judge(_partition_of(len(there)), clock.now_ms(), _complete(spans))
    for partition, span in spans.items():
        async with aclosing(topic.read(partition, span)) as records:
            async for record in records:
                judge.see(record)
    return spans, judge.findings


def _complete(spans: Mapping[int, Span]) -> frozenset[int]:
    return frozenset(partition for partition, span in spans.items() if span.begin == 0)


def _partition_of(count: int) -> Callable[[bytes], int]:
    """As Kafka's Java client has it by default."""
    return lambda key: (murmur2(key) & 0x7FFFFFFF) % count
