"""`docs/subscribe.md` says what the code does, and the tests that it names exist."""

import re
from pathlib import Path
from uuid import UUID

import pytest

from collector.settings import CollectorSettings
from eventrail.contract.codec import CONTENT_TYPE, Header, enriched_headers, key_of
from eventrail.contract.topics import ENRICHED, ERASURES
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.erasures.request import Erasure
from eventrail.kafka.acls import Operation
from eventrail.kafka.records import MAX_BATCH_BYTES
from eventrail.settings import KafkaSettings, variable

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "subscribe.md").read_text()
HOUR_MS = 3_600_000

EVENT = EnrichedEvent(
    website_id="shop", event_id="0190a6c2-0000-7000-8000-000000000001", timestamp_ms=1_770_000_000_007
)
ERASURE = Erasure(UUID(EVENT.event_id), "shop", 1, 1, (), (UUID(EVENT.event_id),), {})


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def told(title: str) -> dict[str, str]:
    """The header rows of a section: name -> the first thing in its value that stands in code quotes, or all of it."""
    rows = re.findall(r"^\| `((?:ce_|content-)[\w-]+)` \| (.+?) \|$", section(title), re.MULTILINE)
    return {name: (re.findall(r"`([^`]+)`", value) or [value])[0] for name, value in rows}


def filled(template: str, headers: dict[str, str]) -> str:
    """What the page says of a header, for `EVENT` and `ERASURE`."""
    names = {
        "event_id": EVENT.event_id,
        "erasure_id": EVENT.event_id,
        "timestamp_ms": headers.get("ce_time", ""),
    }
    return names.get(template, template).replace("{website_id}", EVENT.website_id)


def text(headers: list[Header]) -> dict[str, str]:
    made = {name: value.decode() for name, value in headers}
    assert len(made) == len(headers)
    return made


def test_the_headers_are_those_of_the_page() -> None:
    headers = text(enriched_headers(EVENT))
    page = told("Headers")
    assert list(page) == list(headers)
    assert {name: filled(value, headers) for name, value in page.items()} == headers
    assert f"`{headers['ce_time']}`" in section("Headers")


def test_the_headers_of_an_erasure_are_those_of_the_page() -> None:
    headers = text(ERASURE.headers())
    page = {**told("Headers"), **told("Erasure")}
    del page["ce_time"]
    assert {name: filled(value, headers) for name, value in page.items()} == headers


def test_the_topic_is_as_the_page_says() -> None:
    assert f"`{ENRICHED.name}`, {KafkaSettings.model_fields['topic_partitions'].default} partitions" in PAGE
    assert "| 7 days, and up to 12 hours longer; no compaction" in PAGE
    assert int(ENRICHED.config["retention.ms"]) == 7 * 24 * HOUR_MS
    assert ENRICHED.kept_ms == (7 * 24 + 12) * HOUR_MS
    assert ENRICHED.config["cleanup.policy"] == "delete"
    assert "at most 1 MiB a record" in PAGE
    assert MAX_BATCH_BYTES == 1024 * 1024
    assert f"`{ERASURES.name}`: one partition, kept for ever" in PAGE
    assert (ERASURES.single_partition, ERASURES.kept_ms) == (True, -1)
    assert key_of("", EVENT.event_id) == EVENT.event_id.encode()
    assert CONTENT_TYPE.decode() in PAGE


def test_a_timestamp_is_believed_as_far_as_the_page_says() -> None:
    limits = CollectorSettings.model_fields
    assert "from 7 days before `received_at_ms` to 5 minutes after it" in PAGE
    assert (
        f"(`{variable(CollectorSettings, 'max_back')}`, `{variable(CollectorSettings, 'max_ahead')}`)" in PAGE
    )
    assert (limits["max_back"].default, limits["max_ahead"].default) == (7 * 86_400, 300)


def test_the_rights_are_for_the_public_topics_and_for_reading_alone() -> None:
    commands = re.findall(r"^kafka-acls\.sh .*$", section("Access"), re.MULTILINE)
    assert {name for command in commands for name in re.findall(r"--topic (\S+)", command)} == {
        ENRICHED.name,
        ERASURES.name,
    }
    operations = [name for command in commands for name in re.findall(r"--operation (\S+)", command)]
    assert {Operation[name.upper()] for name in operations} == {Operation.READ}
    assert len(operations) == len(commands)


REFERENCES = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), REFERENCES)
def test_each_test_that_is_named_is_there(file: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_each_row_of_the_summary_names_its_test() -> None:
    rows = re.findall(r"^\| \w.*\|$", section("In short"), re.MULTILINE)
    assert len(rows) > 5
    assert [row for row in rows if "::test_" not in row] == []
