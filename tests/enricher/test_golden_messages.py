"""`proto/golden`: records that subscribers test with are read by today's code, and made by today's enricher."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from enricher.chunk import RawRecord, process
from enricher.sessions import Overlay
from enricher.world import World
from eventrail.contract.codec import decode_enriched, enriched_headers, enriched_key
from eventrail.contract.v1.enriched_pb2 import EVENT_TYPE_PAGEVIEW, EnrichedEvent, EventType, Screen
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.kafka.records import Record

FOLDER = Path(__file__).parents[2] / "proto" / "golden"
FILES = sorted(path.stem for path in FOLDER.glob("*.json"))
LATER = 1_780_056_000_000 + 5000

MADE: dict[str, dict[str, Any]] = {
    "custom": {
        "number": 1,
        "visitor_id": "customer-42",
        "event_name": "purchase",
        "event_data": '{"plan":"pro","amount":49.99}',
        "url": "https://shop.example/cart?utm_source=news&utm_medium=email&utm_campaign=spring",
        "referrer": "https://www.search.example/q?x=1#top",
        "language": "en-GB",
        "screen": Screen(width=1920, height=1080),
    },
    "pageview": {
        "number": 2,
        "event_type": EVENT_TYPE_PAGEVIEW,
        "event_name": "",
        "url": "https://shop.example/",
    },
    "without_visitor": {"number": 3, "address": None, "user_agent": ""},
    "server": {"number": 4, "visitor_id": "customer-42", "user_agent": "python-httpx/0.28.1"},
}
"""File -> what the client sent, as `make_raw` takes it."""


def golden(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return loaded


def as_file(record: Record) -> dict[str, Any]:
    """`record` as a golden file has it."""
    assert record.value is not None
    assert record.key is not None
    return {
        "key": record.key.decode(),
        "timestamp_ms": record.timestamp_ms,
        "headers": {name: value.decode() for name, value in record.headers},
        "value": base64.b64encode(record.value).decode(),
        "event": MessageToDict(decode_enriched(record.value), preserving_proto_field_name=True),
    }


def made(name: str, world: World, make_raw: Callable[..., RawEvent]) -> Record:
    """The record that today's enricher makes of the event of a golden file."""
    chunk = RawEvents(events=[make_raw(**MADE[name])])
    outcome = process(RawRecord(2, 40, 1, None, chunk.SerializeToString()), Overlay({}), world, LATER)
    assert outcome.reasons == []
    return outcome.enriched[0]


@pytest.mark.parametrize("name", FILES)
def test_it_is_read_by_todays_code(name: str) -> None:
    file = golden(name)
    event = decode_enriched(base64.b64decode(file["value"]))
    assert enriched_key(event).decode() == file["key"]
    assert {header: value.decode() for header, value in enriched_headers(event)} == file["headers"]
    assert MessageToDict(event, preserving_proto_field_name=True) == file["event"]


@pytest.mark.parametrize("name", [name for name in FILES if name in MADE])
def test_its_bytes_and_its_json_are_one_message(name: str) -> None:
    file = golden(name)
    assert ParseDict(file["event"], EnrichedEvent()) == decode_enriched(base64.b64decode(file["value"]))


@pytest.mark.parametrize("name", MADE)
def test_todays_enricher_makes_the_same_fields(
    name: str, world: World, make_raw: Callable[..., RawEvent]
) -> None:
    file, today = golden(name), as_file(made(name, world, make_raw))
    # Which rules and databases were there is a fact of the day that it was made.
    assert file["event"].pop("enrichment").keys() == today["event"].pop("enrichment").keys()
    del file["value"], today["value"]
    assert today == file


def test_what_only_a_later_version_knows_is_read_and_kept() -> None:
    value = base64.b64decode(golden("from_the_future")["value"])
    event = decode_enriched(value)
    assert event.event_type not in EventType.values()
    assert event.event_name == "purchase"
    assert len(event.SerializeToString()) == len(value)


def test_the_page_names_each_file() -> None:
    page = (FOLDER / "README.md").read_text()
    assert re.findall(r"^\| `(\w+)\.json` \|", page, re.MULTILINE) == [*MADE, "from_the_future"]
    assert sorted([*MADE, "from_the_future"]) == FILES
