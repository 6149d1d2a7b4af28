"""Strimzi makes the topics and rights that the code declares, and no others."""

from typing import Any

import pytest

from eventrail.contract import topics
from eventrail.kafka.acls import DEFAULT_PRINCIPAL, ROLES, Acl, Kind, Operation, all_acls
from tests.deploy.kubernetes.manifests import Manifests

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

OPERATIONS = {"".join(word.capitalize() for word in each.name.split("_")): each for each in Operation}


def test_topics_are_those_of_the_contract(production: Manifests) -> None:
    config = production.config
    durable = {
        "min.insync.replicas": config["EVENTRAIL_TOPIC_MIN_INSYNC_REPLICAS"],
        "unclean.leader.election.enable": "false",
    }
    made = production.named("KafkaTopic")
    assert set(made) == {topic.name for topic in topics.ALL}
    for topic in topics.ALL:
        spec = made[topic.name]["spec"]
        assert "topicName" not in spec
        assert spec["partitions"] == topic.partitions(int(config["EVENTRAIL_TOPIC_PARTITIONS"]))
        assert spec["replicas"] == int(config["EVENTRAIL_TOPIC_REPLICATION_FACTOR"])
        found = {key: _as_kafka_writes(value) for key, value in spec["config"].items()}
        assert found == {**topic.config, **durable}


def _as_kafka_writes(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def acls(user: dict[str, Any]) -> set[Acl]:
    role = user["metadata"]["name"].removeprefix("eventrail-")
    authorization = user["spec"]["authorization"]
    assert authorization["type"] == "simple"
    for each in authorization["acls"]:
        assert set(each) == {"resource", "operations"}  # `host` and `type` are "*" and "allow" without words
        assert each["resource"]["patternType"] == "literal"
    return {
        Acl(role, Kind[each["resource"]["type"].upper()], each["resource"]["name"], OPERATIONS[operation])
        for each in authorization["acls"]
        for operation in each["operations"]
    }


def test_rights_are_those_of_the_list(production: Manifests) -> None:
    users = production.named("KafkaUser")
    needed = set(ROLES) - {"topics"}  # Strimzi makes the topics
    assert {f"User:{name}" for name in users} == {DEFAULT_PRINCIPAL.format(role=role) for role in needed}
    found = {acl for user in users.values() for acl in acls(user)}
    assert found == {acl for acl in all_acls() if acl.role in needed}
    assert sum(len(each["operations"]) for user in users.values() for each in _acls(user)) == len(found)


def _acls(user: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = user["spec"]["authorization"]["acls"]
    return found


def test_the_raw_topic_is_internal(production: Manifests) -> None:
    readers = {
        name
        for name, user in production.named("KafkaUser").items()
        for each in _acls(user)
        if each["resource"]["name"] == topics.RAW.name and "Read" in each["operations"]
    }
    assert readers == {"eventrail-enricher", "eventrail-auditor"}


def test_the_services_speak_as_the_listener_wants(production: Manifests) -> None:
    (kafka,) = production.of("Kafka")
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    cluster = kafka["metadata"]["name"]
    assert listener["tls"] is True
    address = production.config["EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS"]
    assert address == f"{cluster}-kafka-bootstrap:{listener['port']}"
    assert production.config["EVENTRAIL_KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
    wanted = listener["authentication"]["type"]
    assert production.config["EVENTRAIL_KAFKA_SASL_MECHANISM"].lower() == wanted
    assert kafka["spec"]["kafka"]["authorization"] == {"type": "simple"}
    for each in production.of("KafkaTopic", "KafkaUser", "KafkaNodePool"):
        assert each["metadata"]["labels"]["strimzi.io/cluster"] == cluster
    for user in production.of("KafkaUser"):
        assert user["spec"]["authentication"] == {"type": wanted}


def test_an_acknowledged_record_outlives_a_broker(production: Manifests) -> None:
    (pool,) = production.of("KafkaNodePool")
    (kafka,) = production.of("Kafka")
    replicas = pool["spec"]["replicas"]
    config = kafka["spec"]["kafka"]["config"]
    assert replicas >= int(production.config["EVENTRAIL_TOPIC_REPLICATION_FACTOR"]) == 3
    assert config["min.insync.replicas"] == int(production.config["EVENTRAIL_TOPIC_MIN_INSYNC_REPLICAS"]) == 2
    # The offsets of the groups are what tells what was done: they are kept like records.
    assert config["offsets.topic.replication.factor"] == 3
    assert config["unclean.leader.election.enable"] is False
    assert config["auto.create.topics.enable"] is False
    (volume,) = pool["spec"]["storage"]["volumes"]
    assert (volume["type"], volume["deleteClaim"]) == ("persistent-claim", False)
