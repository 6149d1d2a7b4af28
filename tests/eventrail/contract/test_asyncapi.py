"""`docs/asyncapi.yaml` is AsyncAPI 3, and what it says of topics, keys, headers and messages is what the code does."""

import copy
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
import yaml
from google.protobuf.message import Message

from devstack import npm
from devstack.terminal import say
from eventrail.contract.codec import CONTENT_TYPE, TRACEPARENT_HEADER, Header, enriched_headers, enriched_key
from eventrail.contract.topics import ENRICHED, ERASURES, Topic
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.contract.v1.erasure_pb2 import Erasure as ErasureMessage
from eventrail.erasures.request import Erasure
from eventrail.settings import KafkaSettings

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENT: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())

EVENT = EnrichedEvent(
    website_id="shop", event_id="0190a6c2-0000-7000-8000-000000000001", timestamp_ms=1_770_000_000_007
)
ERASURE = Erasure(UUID(EVENT.event_id), "shop", 1, 1, (), (UUID(EVENT.event_id),), {})

PUBLIC: list[tuple[str, Topic, type[Message], list[Header], bytes]] = [
    ("enriched", ENRICHED, EnrichedEvent, enriched_headers(EVENT), enriched_key(EVENT)),
    ("erasures", ERASURES, ErasureMessage, ERASURE.headers(), ERASURE.website_id.encode()),
]
each = pytest.mark.parametrize(
    ("channel", "topic", "kind", "headers", "key"), PUBLIC, ids=[name for name, *_ in PUBLIC]
)


def resolved(node: Any) -> Any:
    """`node` with references into the document replaced by what they point at."""
    if isinstance(node, list):
        return [resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref", "")
    if not reference.startswith("#/"):
        return {name: resolved(value) for name, value in node.items()}
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return resolved(found)


def message_of(channel: str) -> dict[str, Any]:
    (message,) = resolved(DOCUMENT["channels"][channel]["messages"]).values()
    assert isinstance(message, dict)
    return message


@pytest.mark.slow
def test_it_is_asyncapi_3() -> None:
    npm.install(say)
    schema = json.loads(
        (npm.SDK / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json").read_text()
    )
    judge = jsonschema_rs.validator_for(schema)
    assert [f"{error.instance_path}: {error.message}" for error in judge.iter_errors(DOCUMENT)] == []
    broken = copy.deepcopy(DOCUMENT)
    broken["channels"]["enriched"]["bindings"]["kafka"]["partitions"] = "8"
    assert not judge.is_valid(broken)


def test_it_names_the_public_topics_and_no_other() -> None:
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == {
        topic.name for _, topic, *_ in PUBLIC
    }
    operations = resolved(DOCUMENT["operations"]).values()
    assert {operation["action"] for operation in operations} == {"send"}
    assert sorted(operation["channel"]["address"] for operation in operations) == sorted(
        topic.name for _, topic, *_ in PUBLIC
    )


@each
def test_a_topic_is_as_it_is_declared(
    channel: str, topic: Topic, kind: type[Message], headers: list[Header], key: bytes
) -> None:
    said = DOCUMENT["channels"][channel]
    kafka = said["bindings"]["kafka"]
    assert (said["address"], kafka["topic"]) == (topic.name, topic.name)
    assert kafka["partitions"] == topic.partitions(KafkaSettings.model_fields["topic_partitions"].default)
    settings = {
        **kafka["topicConfiguration"],
        "cleanup.policy": ",".join(kafka["topicConfiguration"]["cleanup.policy"]),
    }
    declared = {name: value for name, value in topic.config.items() if name != "segment.ms"}
    assert {name: str(value) for name, value in settings.items()} == declared


@each
def test_a_value_is_the_message_of_the_proto(
    channel: str, topic: Topic, kind: type[Message], headers: list[Header], key: bytes
) -> None:
    message = message_of(channel)
    assert message["name"] == kind.DESCRIPTOR.full_name
    assert topic.holds == kind.DESCRIPTOR.name
    payload = message["payload"]
    assert payload["schemaFormat"] == "application/vnd.google.protobuf;version=3"
    proto = DOCS / payload["schema"]["$ref"]
    assert proto.as_posix().endswith(kind.DESCRIPTOR.file.name)
    text = proto.read_text()
    assert re.search(r'^syntax = "proto3";', text, re.MULTILINE)
    assert re.search(rf"^message {kind.DESCRIPTOR.name} \{{", text, re.MULTILINE)
    assert {DOCUMENT["defaultContentType"], message["contentType"]} == {CONTENT_TYPE.decode()}


@each
def test_headers_and_key_are_what_is_written(
    channel: str, topic: Topic, kind: type[Message], headers: list[Header], key: bytes
) -> None:
    message = message_of(channel)
    parts = message["headers"]["allOf"]
    written = {name: value.decode() for name, value in headers}
    optional = {TRACEPARENT_HEADER} if topic == ENRICHED else set()
    assert {name for part in parts for name in part["properties"]} == written.keys() | optional
    assert {name for part in parts for name in part.get("required", ())} == written.keys()
    judge = jsonschema_rs.validator_for(message["headers"])
    judge.validate(written)
    for name, value in written.items():
        assert not judge.is_valid({other: text for other, text in written.items() if other != name})
        assert not judge.is_valid({**written, name: f"{value} "})
    for name in optional:
        context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        judge.validate({**written, name: context})
        assert not judge.is_valid({**written, name: context[1:]})
    jsonschema_rs.validator_for(message["bindings"]["kafka"]["key"]).validate(key.decode())
