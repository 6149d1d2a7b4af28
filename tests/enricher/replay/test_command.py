"""`python -m enricher replay` over a real broker and engine, beside a worker and a writer that go on."""

import asyncio
import os
import random
import re
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from clickhouse_driver import Client

from devstack.ports import free_addresses
from enricher.replay.time_range import text
from eventrail.contract.topics import RAW
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.kafka.records import send
from eventrail.sealing import AddressSealer
from tests.enricher.worker_process import (
    KEY,
    PARTITIONS,
    Reader,
    Worker,
    chunk,
    environment,
    raw_event,
    until,
)

pytestmark = pytest.mark.stack

SEALER = AddressSealer({"t1": KEY})
MINUTE = 60_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class River:
    """A database that is written from the enriched topic, and the replay command beside it."""

    kafka: str
    url: str
    query: Callable[..., list[Any]]

    async def replay(
        self, begin_ms: int, end_ms: int, *options: str, **settings: str
    ) -> tuple[int, str, str]:
        """Exit status, output, error output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "enricher", "replay", "--from", text(begin_ms), "--to", text(end_ms)),
            *options,
            env=environment(self.kafka, "127.0.0.1:0") | {"EVENTRAIL_CLICKHOUSE_URL": self.url} | settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode or 0, output.decode(), errors.decode()

    def stored(self, website: str) -> dict[str, tuple[Any, ...]]:
        """What every reader sees: id, then session, browser, channel and revision."""
        found = self.query(
            "SELECT toString(event_id), toString(session_id), browser, channel, bitShiftRight(version, 48)"
            " FROM events FINAL WHERE website_id = %(website)s",
            {"website": website},
        )
        assert len({event_id for event_id, *_ in found}) == len(found)
        return {event_id: tuple(rest) for event_id, *rest in found}

    def tables(self) -> set[str]:
        """The table of events, and the shadows beside it."""
        where = "database = currentDatabase() AND startsWith(name, 'events')"
        return {name for (name,) in self.query(f"SELECT name FROM system.tables WHERE {where}")}


@pytest.fixture
async def river(kafka: str, topics: None, clickhouse: str, tmp_path: Path) -> AsyncIterator[River]:
    """With a running writer, whose group begins where the enriched topic begins."""
    name = f"replay_{uuid.uuid4().hex[:12]}"
    url = f"{clickhouse}/{name}"
    settings = os.environ | {
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "EVENTRAIL_CLICKHOUSE_URL": url,
        "EVENTRAIL_WRITER_GROUP": name,
        "EVENTRAIL_WRITER_LISTEN": str(free_addresses(random.Random()).writer),
        "EVENTRAIL_WRITER_FLUSH_SECONDS": "0.2",
    }
    migrated = await asyncio.create_subprocess_exec(sys.executable, "-m", "writer", "migrate", env=settings)
    assert await migrated.wait() == 0
    with (tmp_path / "writer.log").open("w") as log:
        writer = subprocess.Popen(  # noqa: ASYNC220 - it is started, not waited for
            [sys.executable, "-m", "writer"], env=settings, stderr=log
        )
    client = Client.from_url(url)
    try:
        yield River(kafka, url, client.execute)
    finally:
        writer.terminate()
        assert writer.wait(20) == 0, (tmp_path / "writer.log").read_text()
        client.execute(f"DROP DATABASE {name}")
        client.disconnect()


class Visitors:
    """Visitors whose events belong together, come late, bridge and overlap; some are known by a hash alone."""

    def __init__(self, website: str) -> None:
        self._website = website
        self._random = random.Random(website)
        self._at_ms = {number: now_ms() - 5 * 86_400_000 for number in range(4 * PARTITIONS)}

    def event(self, number: int) -> RawEvent:
        self._at_ms[number] += MINUTE * self._random.choice([0, 1, 20, 31, 45])
        late_ms = MINUTE * self._random.choice([0, 0, 0, 15, 40, 100])
        event = raw_event(self._website, "" if number % 2 else f"v{number}", self._at_ms[number] - late_ms)
        event.url = "https://shop.example/" + self._random.choice(
            ["", "", "?utm_source=news&utm_medium=email"]
        )
        event.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        event.event_data = '{"plan":"pro","amount":49.90}'
        event.client_address.CopyFrom(SEALER.seal(ip_address(f"192.0.2.{number}")))
        return event

    async def send(self, sender: AIOKafkaProducer, chunks: int) -> set[str]:
        """Some chunks for each partition; ids of the events."""
        sent: set[str] = set()
        for partition in range(PARTITIONS):
            mine = [number for number in self._at_ms if number // 4 == partition]
            events = [[self.event(self._random.choice(mine)) for _ in range(4)] for _ in range(chunks)]
            sent |= {event.event_id for each in events for event in each}
            await send(sender, RAW.name, partition, map(chunk, events))
        return sent


async def settled(river: River, website: str, wanted: set[str]) -> None:
    await until(lambda: set(river.stored(website)) >= wanted, "all events stored")


async def test_a_replay_finds_nothing_then_what_changed_and_applies_it_while_events_arrive(
    river: River,
    sender: AIOKafkaProducer,
    reader: Reader,
    workers: Callable[..., Worker],
    website: str,
    city_mmdb: Path,
) -> None:
    worker = workers()
    await worker.until_ready()
    visitors = Visitors(website)
    before = await visitors.send(sender, 6)
    await settled(river, website, before)
    begin_ms = now_ms()
    within = await visitors.send(sender, 12)
    await settled(river, website, before | within)
    end_ms = now_ms()
    # Nor does it matter what came afterwards.
    after = await visitors.send(sender, 3)
    await settled(river, website, before | within | after)

    # With the same rules and lookups, and sessions from the rows before, nothing differs.
    status, output, errors = await river.replay(begin_ms, end_ms)
    assert (status, errors) == (0, "")
    assert f"differences: 0 of {len(within)} events" in output
    assert f"stored: {len(within)}, enriched again: {len(within)}, on both sides: {len(within)}" in output
    assert river.tables() == {"events"}

    # A GeoIP database that the worker did not have, and a channel and a session that somebody spoilt.
    spoilt = sorted(within)[:7]
    river.query(
        "INSERT INTO events SELECT * REPLACE (version + 1 AS version, 'Nonsense' AS channel,"
        " '00000000-0000-0000-0000-000000000007'::UUID AS session_id) FROM events FINAL"
        " WHERE toString(event_id) IN %(ids)s",
        {"ids": spoilt},
    )
    changed = {"EVENTRAIL_GEOIP_DATABASE": str(city_mmdb)}
    status, output, _ = await river.replay(begin_ms, end_ms, "--keep", **changed)
    assert status == 0
    assert f"differences: {len(within)} of {len(within)} events" in output
    assert re.search(rf"^  geo_database: {len(within)}$", output, re.MULTILINE)
    assert re.search(r"^  channel: 7$", output, re.MULTILINE)
    assert re.search(r"^  session_id: 7$", output, re.MULTILINE)
    assert len(re.findall(rf"^    {website} \S+: 'Nonsense' -> ", output, re.MULTILINE)) == 5
    [shadow] = river.tables() - {"events"}
    assert shadow.startswith("events_replay_")
    assert f"the shadow table is kept: {shadow}" in output
    river.query(f"DROP TABLE {shadow}")

    # Applied while events go on arriving: none lost, none doubled, nothing on the enriched topic.
    arriving: set[str] = set()
    enough = asyncio.Event()

    async def keep_sending() -> None:
        while not enough.is_set():
            arriving.update(await visitors.send(sender, 1))
            await asyncio.sleep(0.02)

    sending = asyncio.create_task(keep_sending())
    status, output, errors = await river.replay(begin_ms, end_ms, "--apply", **changed)
    enough.set()
    await sending
    assert (status, errors) == (0, "")
    assert "applied as revision 1; events that still differ: 0" in output
    everything = before | within | after | arriving
    assert arriving
    await settled(river, website, everything)
    found = river.stored(website)
    assert set(found) == everything
    assert {event_id for event_id, (*_, revision) in found.items() if revision == 1} == within
    by_id = {event.event_id: event for event in reader.of(website)}
    for event_id, (session, browser, channel, _) in found.items():
        event = by_id[event_id]
        assert (session, browser, channel) == (event.session_id, event.agent.browser, event.channel)
    assert len(reader.of(website)) == len(everything)
    assert not any(event.enrichment.geo_database for event in reader.of(website))

    # Again, with nothing changed since: nothing differs and nothing is written.
    _, output, _ = await river.replay(begin_ms, end_ms, "--apply", **changed)
    assert f"differences: 0 of {len(within)} events" in output
    assert "applied" not in output
    assert river.stored(website) == found
    assert worker.end() == 0


async def test_what_the_raw_topic_no_longer_holds_is_refused_with_what_is_possible(
    river: River,
    kafka: str,
    sender: AIOKafkaProducer,
    workers: Callable[..., Worker],
    website: str,
) -> None:
    worker = workers()
    await worker.until_ready()
    visitors = Visitors(website)
    begin_ms = now_ms()
    early = await visitors.send(sender, 2)
    await settled(river, website, early)
    middle_ms = now_ms()
    late = await visitors.send(sender, 2)
    await settled(river, website, early | late)
    end_ms = now_ms()
    assert worker.end() == 0

    [(offset, accepted_ms)] = river.query(
        "SELECT max(raw_offset), toUnixTimestamp64Milli(max(received_at)) FROM events FINAL"
        " WHERE website_id = %(website)s AND raw_partition = 3 AND toString(event_id) IN %(ids)s",
        {"website": website, "ids": sorted(early)},
    )
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    try:
        await client.delete_records({TopicPartition(RAW.name, 3): RecordsToDelete(before_offset=offset + 1)})
    finally:
        await client.close()
    status, output, errors = await river.replay(begin_ms, end_ms)
    assert (status, output) == (1, "")
    assert f"no longer reaches back to {text(begin_ms)}" in errors
    assert f"the earliest possible --from is {text(accepted_ms + 1)}" in errors
    status, output, _ = await river.replay(max(middle_ms, accepted_ms + 1), end_ms)
    assert status == 0
    assert f"differences: 0 of {len(late)} events" in output
    assert river.tables() == {"events"}


@pytest.mark.parametrize(
    ("options", "settings", "status", "says"),
    [
        (
            [],
            {"EVENTRAIL_GEOIP_DATABASE": "/nowhere.mmdb"},
            2,
            "EVENTRAIL_GEOIP_DATABASE: /nowhere.mmdb cannot be read",
        ),
        (
            [],
            {"EVENTRAIL_CLICKHOUSE_URL": "clickhouse://default@127.0.0.1:1/x"},
            1,
            "no answer from ClickHouse",
        ),
        ([], {"EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, 1, "could not be read: Kafka"),
        ([], {}, 1, "ClickHouse refuses with code 60"),
        (["--to", "2026-11-23"], {}, 2, "--to '2026-11-23' is no RFC 3339 time"),
    ],
)
async def test_what_is_wrong_is_said(
    kafka: str,
    topics: None,
    clickhouse: str,
    options: list[str],
    settings: dict[str, str],
    status: int,
    says: str,
) -> None:
    river, end_ms = River(kafka, f"{clickhouse}/default", Client.from_url(clickhouse).execute), now_ms()
    found, output, errors = await river.replay(end_ms - MINUTE, end_ms, *options, **settings)
    assert (found, output) == (status, "")
    assert says in errors
    assert "Traceback" not in errors
