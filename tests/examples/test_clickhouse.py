"""examples/subscribers/clickhouse: all of it but the Kafka engine, which the embedded ClickHouse does not have.

Records are put into a table of the queue's columns, as that engine would hand them out.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from clickhouse_driver import Client

from devstack.checkout import CHECKOUT
from eventrail_subscriber import EnrichedEvent, identity
from eventrail_subscriber.fake import FakeTopic, Record
from tests.examples.subscriber import EXAMPLES

pytestmark = pytest.mark.stack

SQL = (EXAMPLES / "clickhouse" / "purchases.sql").read_text()
STATEMENTS = [
    statement.strip()
    for statement in re.sub(r"^--.*$", "", SQL, flags=re.MULTILINE).split(";\n")
    if statement.strip()
]
QUEUE = STATEMENTS[0]
PROTOS = CHECKOUT / "proto/eventrail/v1"
(SCHEMA,) = re.findall(r"kafka_schema = '(.+)'", QUEUE)
VIRTUAL = "_topic String, _partition UInt64, _offset UInt64, _raw_message String, _error String"
"""What the Kafka engine says of each record beside its columns."""


def columns() -> str:
    found = re.search(r"\((.*?)\)\nENGINE = Kafka", QUEUE, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def client(clickhouse: str) -> Iterator[Client]:
    """A database of its own with the example's tables, in which the queue is no queue."""
    name = f"example_{uuid4().hex}"
    with Client.from_url(clickhouse) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    with Client.from_url(f"{clickhouse}/{name}") as made:
        made.execute(f"CREATE TABLE enriched_queue ({columns()}, {VIRTUAL}) ENGINE = Null")
        for statement in STATEMENTS[1:]:
            made.execute(statement)
        yield made
        made.execute(f"DROP DATABASE {name}")


def consume(client: Client, record: Record) -> None:
    """Read the value of `record` by the schema of the contract, as the Kafka engine would."""
    structure = " ".join(columns().split())
    client.execute(
        f"INSERT INTO enriched_queue SELECT *, 't', 0, {record.offset}, '', ''"
        f" FROM format(ProtobufSingle, '{structure}', unhex('{record.value.hex()}'))",
        settings={"format_schema": f"{PROTOS}/{SCHEMA}"},
    )


def test_each_event_counts_once_and_the_first_accepted_copy_stays(client: Client) -> None:
    topic = FakeTopic()
    first = topic.publish("purchase", {"amount": 5}, visitor_id="u-1", geo={"country": "DE"})
    again = EnrichedEvent.FromString(first.value)
    again.received_at_ms += 60_000
    again.geo.country = "FR"
    other = topic.publish("purchase", {"amount": 0.5}, visitor_id="")
    topic.publish("refund", {"amount": 7})
    for record in (replace(first, value=again.SerializeToString()), *topic.records, first, other):
        consume(client, record)
    assert client.execute(
        "SELECT website_id, country, purchases, amount FROM purchases ORDER BY country DESC"
    ) == [
        ("shop", "DE", 1, 5.0),
        ("shop", "", 1, 0.5),
    ]


def test_the_columns_are_the_facts_of_the_event(client: Client) -> None:
    record = FakeTopic().publish("purchase", {"amount": 5}, visitor_id="u-1", geo={"country": "DE"})
    consume(client, record)
    event = EnrichedEvent.FromString(record.value)
    found = client.execute(
        "SELECT website_id, event_name, toInt32(identity_day), toString(event_id), toUnixTimestamp64Milli(timestamp),"
        " visitor_id, event_data FROM events"
    )
    assert found == [(*identity(event), event.timestamp_ms, event.visitor_id, event.event_data)]


def test_what_is_no_event_goes_to_the_errors(client: Client) -> None:
    client.execute(
        "INSERT INTO enriched_queue (_topic, _partition, _offset, _raw_message, _error) VALUES",
        [("eventrail.enriched.v1", 3, 17, "raw", "cannot parse")],
    )
    assert client.execute("SELECT count() FROM events") == [(0,)]
    assert client.execute("SELECT topic, partition, offset, raw, error FROM errors") == [
        ("eventrail.enriched.v1", 3, 17, "raw", "cannot parse")
    ]


def test_the_queue_is_a_statement_that_clickhouse_understands(client: Client) -> None:
    ((text,),) = client.execute("SELECT formatQuery(%(sql)s)", {"sql": QUEUE})
    assert "ENGINE = Kafka" in text
    for name in ("kafka_topic_list = 'eventrail.enriched.v1'", "kafka_format = 'ProtobufSingle'"):
        assert name in text
