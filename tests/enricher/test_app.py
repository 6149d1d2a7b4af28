"""The guard: the raw topic is consumed by a Faust agent, and sessions live in a registered Faust table."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.types import TP

from enricher import app as stream
from enricher.chunk import RawRecord
from enricher.settings import EnricherSettings
from eventrail.contract.topics import ENRICHER_APP, RAW, SESSIONS_CHANGELOG, SESSIONS_TABLE


class Taken:
    """An intake that notes what it was given."""

    def __init__(self) -> None:
        self.records: list[RawRecord] = []

    async def take(self, record: RawRecord) -> None:
        self.records.append(record)

    async def pause(self) -> None:
        self.records.clear()


@pytest.fixture
def intake() -> Any:
    return Taken()


@pytest.fixture
async def app(tmp_path: Path, intake: Any) -> faust.App:
    made = stream.make_app(EnricherSettings(), "127.0.0.1:1, broker-2:9092", tmp_path)
    stream.connect(made, intake)
    return made


async def test_one_agent_consumes_the_raw_topic(app: faust.App) -> None:
    [agent] = app.agents.values()
    assert agent.concurrency == 1
    assert agent.channel.get_topic_name() == RAW.name
    assert app.conf.id == ENRICHER_APP
    assert [str(url) for url in app.conf.broker_consumer] == ["kafka://127.0.0.1:1", "kafka://broker-2:9092"]


async def test_the_agent_hands_on_raw_bytes_and_acknowledges_nothing(app: faust.App, intake: Any) -> None:
    [agent] = app.agents.values()
    async with agent.test_context() as running:
        event = await running.put(b"\xff\xfe no text", key=b"\xff")
        assert not event.message.acked
    [record] = intake.records
    assert (record.value, record.key) == (b"\xff\xfe no text", b"\xff")


async def test_the_sessions_are_those_of_the_registered_table(app: faust.App) -> None:
    table: Any = app.tables[SESSIONS_TABLE]
    assert app.tables.changelog_topics == {SESSIONS_CHANGELOG.name}
    sessions = stream.sessions_of(app)
    sessions.of(3).put(b"key", b"state")
    sessions.of(3).loaded = 41
    table.data.data = sessions.merged()
    assert table[b"key"] == b"state"
    assert table.persisted_offset(TP(SESSIONS_CHANGELOG.name, 3)) == 41
    assert table.persisted_offset(TP(SESSIONS_CHANGELOG.name, 4)) == -1


async def test_what_faust_recovers_is_in_the_sessions(app: faust.App) -> None:
    table: Any = app.tables[SESSIONS_TABLE]
    messages = [
        SimpleNamespace(partition=2, offset=offset, key=key, value=value, timestamp=3.5)
        for offset, key, value in [(7, b"a", b"1"), (8, b"b", b"2"), (9, b"a", None)]
    ]
    table.apply_changelog_batch([SimpleNamespace(message=message) for message in messages])
    held = stream.sessions_of(app).of(2)
    assert (held.states, held.loaded, held.watermark_ms) == ({b"b": b"2"}, 9, 0)
    assert dict(table.data.data) == {b"b": b"2"}


async def test_no_standbys_and_no_topics_made_by_faust(app: faust.App) -> None:
    assert app.conf.table_standby_replicas == 0
    assert app.conf.topic_allow_declare is False
    assert app.conf.consumer_auto_offset_reset == "earliest"
    assert app.conf.stream_wait_empty is False


async def test_partitions_that_are_revoked_pause_the_intake(app: faust.App, intake: Any) -> None:
    await intake.take(RawRecord(0, 0, 1, None, b""))
    await app.on_partitions_revoked.send(set())
    assert intake.records == []


async def test_faust_forgets_what_it_has_read_so_that_it_can_be_read_again(app: faust.App) -> None:
    noted: Any = app.consumer
    where = TP(RAW.name, 0)
    noted._read_offset[where] = 7
    assert noted._read_offset[where] is None
    # What Faust asks with: bound once, and then asked for each message.
    assert noted._read_offset.__getitem__(where) is None


async def test_a_named_wait_of_any_length_keeps_the_place_in_the_group(app: faust.App) -> None:
    assert app.conf.broker_max_poll_interval > 30 * 86_400
