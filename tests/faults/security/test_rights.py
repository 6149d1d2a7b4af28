"""Each user may do what the list of rights says, and no more: asked of the real broker's authorizer."""

import asyncio
import json
import os
import subprocess
from functools import partial

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    TopicAuthorizationFailedError,
)

from devstack.process import until_ready
from eventrail.contract import topics
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.acl_admin import apply_acls
from eventrail.kafka.acls import ROLES, Kind, Operation, all_acls
from eventrail.kafka.records import Record, producer, send
from eventrail.kafka.security import client_options
from eventrail.settings import KafkaSettings
from tests.faults.security.broker import PASSWORDS, PYTHON, SecureBroker

pytestmark = pytest.mark.stack

REFUSED = (TopicAuthorizationFailedError, ClusterAuthorizationFailedError, KafkaUnavailable)
TOPICS = [topic.name for topic in topics.ALL]


def settings(broker: SecureBroker, role: str) -> KafkaSettings:
    return KafkaSettings(
        kafka_bootstrap_servers=broker.scram,
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_username=f"eventrail-{role}",
        kafka_sasl_password=PASSWORDS[f"eventrail-{role}"],
        kafka_ssl_ca_file=broker.authority,
    )


def granted(role: str, operation: Operation) -> set[str]:
    return {
        acl.name for acl in all_acls() if (acl.role, acl.kind, acl.operation) == (role, Kind.TOPIC, operation)
    }


async def writable(given: KafkaSettings) -> set[str]:
    """The topics that take a record from this user; a tombstone, so that nobody reads anything into it."""
    taken = await asyncio.gather(*(takes(given, name) for name in TOPICS))
    return {name for name, took in zip(TOPICS, taken, strict=True) if took}


async def takes(given: KafkaSettings, name: str) -> bool:
    sender = producer(given, request_timeout_ms=5000)
    try:
        # Who may write nowhere is refused already here, for a producer's number is a right of writers.
        await sender.start()
        await send(sender, name, 0, [Record(None, key=b"rights-test")])
    except REFUSED:
        return False
    finally:
        await sender.stop()
    return True


async def readable(given: KafkaSettings, awaited: set[str]) -> set[str]:
    """The topics of which this user gets records; each holds at least one. For those `awaited` it is patient."""
    got = await asyncio.gather(*(gives(given, name, 20_000 if name in awaited else 1_500) for name in TOPICS))
    return {name for name, gave in zip(TOPICS, got, strict=True) if gave}


async def gives(given: KafkaSettings, name: str, patience_ms: int) -> bool:
    reader = AIOKafkaConsumer(**client_options(given), enable_auto_commit=False)
    try:
        await reader.start()
        reader.assign([tp := TopicPartition(name, 0)])
        reader.seek(tp, 0)
        return bool(await reader.getmany(tp, timeout_ms=patience_ms))
    except TopicAuthorizationFailedError:
        return False
    finally:
        await reader.stop()


@pytest.mark.parametrize("role", ROLES)
async def test_a_user_writes_to_its_own_topics_alone(secure: SecureBroker, role: str) -> None:
    assert await writable(settings(secure, role)) == granted(role, Operation.WRITE)


@pytest.mark.parametrize("role", ROLES)
async def test_a_user_reads_its_own_topics_alone(secure: SecureBroker, role: str) -> None:
    everybody = KafkaSettings(kafka_bootstrap_servers=secure.plain)
    assert await writable(everybody) == set(TOPICS)
    allowed = granted(role, Operation.READ)
    assert await readable(settings(secure, role), allowed) == allowed


def test_salts_are_for_the_enricher_alone() -> None:
    roles = {
        acl.role for acl in all_acls() if acl.name == topics.SALTS.name and acl.operation is Operation.READ
    }
    assert roles == {"enricher"}


async def test_nobody_joins_the_group_of_another(secure: SecureBroker) -> None:
    given = settings(secure, "writer")
    for group in (topics.ENRICHER_APP, topics.AUDITOR_GROUP, "another"):
        reader = AIOKafkaConsumer(topics.ENRICHED.name, **client_options(given), group_id=group)
        try:
            with pytest.raises(GroupAuthorizationFailedError):
                await joined(reader)
        finally:
            await reader.stop()


async def test_the_scaler_sees_how_far_enricher_and_writer_are(secure: SecureBroker) -> None:
    """What KEDA asks for: what the groups have committed, and where the topics end."""
    given = settings(secure, "scaler")
    for group, topic in ((topics.ENRICHER_APP, topics.RAW), (topics.WRITER_GROUP, topics.ENRICHED)):
        place = TopicPartition(topic.name, 0)
        await until_ready(partial(why_no_offsets, given, group, place), 30)
        reader = AIOKafkaConsumer(**client_options(given), enable_auto_commit=False)
        try:
            await reader.start()
            assert (await reader.end_offsets([place]))[place] >= 0
        finally:
            await reader.stop()


async def test_the_scaler_sees_no_other_group(secure: SecureBroker) -> None:
    place = TopicPartition(topics.RAW.name, 0)
    answer = await why_no_offsets(settings(secure, "scaler"), topics.AUDITOR_GROUP, place)
    assert answer == GroupAuthorizationFailedError.__name__


async def why_no_offsets(given: KafkaSettings, group: str, place: TopicPartition) -> str:
    """Nothing where the broker tells them; a new broker makes the topic of all groups at the first question."""
    client = AIOKafkaAdminClient(**client_options(given))
    try:
        await client.start()
        await client.list_consumer_group_offsets(group, partitions=[place])
    except (GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError) as error:
        return type(error).__name__
    finally:
        await client.close()
    return ""


async def joined(reader: AIOKafkaConsumer) -> None:
    await reader.start()
    await reader.getone()


async def test_rights_may_be_given_again(secure: SecureBroker) -> None:
    count = await apply_acls(KafkaSettings(kafka_bootstrap_servers=secure.plain))
    assert count == len(all_acls())


def test_a_user_without_the_right_to_give_rights_is_told(secure: SecureBroker) -> None:
    done = subprocess.run(
        [*PYTHON, "eventrail", "acls", "--apply"],
        check=False,
        env={**os.environ, **secure.environment("topics")},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "refuses" in done.stderr


def test_the_list_as_commands_and_as_json() -> None:
    told = subprocess.run([*PYTHON, "eventrail", "acls"], capture_output=True, text=True, check=True).stdout
    assert "--allow-principal 'User:eventrail-enricher' --operation Read" in told
    asked = ["acls", "--json", "--principal", "User:CN={role},O=shop"]
    rows = json.loads(subprocess.run([*PYTHON, "eventrail", *asked], capture_output=True, check=True).stdout)
    assert len(rows) == len(all_acls())
    assert {
        "principal": "User:CN=enricher,O=shop",
        "host": "*",
        "resource_type": "TOPIC",
        "resource_name": "eventrail.salts.v1",
        "pattern_type": "LITERAL",
        "operation": "READ",
        "permission": "ALLOW",
    } in rows
