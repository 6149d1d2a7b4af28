"""What the disks hold after a day's work: no address, no salt in the clear, and no salt past its time in any form.

One stack of its own: broker, engine and services as processes, with all their files below one folder. The addresses
come in through the collector, as those of clients behind a trusted proxy.
"""

import asyncio
import base64
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from math import sqrt
from pathlib import Path

import httpx
import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from clickhouse_driver import Client

from devstack import environment, programs
from devstack.ports import Addresses, free_addresses
from devstack.readiness import quiet_client_logs
from devstack.supervisor import Supervisor
from enricher.lookups.salts import DaySalts
from enricher.metrics import Metrics
from enricher.salts.agreement import SaltRecord, agree, day_of, record_key
from enricher.salts.keeper import SaltKeeper
from enricher.salts.sealing import SaltSealer
from enricher.salts.topic import KafkaSaltLog
from eventrail.clock import MS_PER_DAY, ManualClock
from eventrail.contract.topics import RAW, SALTS
from eventrail.contract.v1.enriched_pb2 import EventType
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.contract.v1.salts_pb2 import SealedSalt
from eventrail.kafka.admin import admin
from eventrail.kafka.records import Record, producer, send
from eventrail.sealing import AddressSealer
from tests.faults.privacy.forms import Files, Form, addresses_4, addresses_6, forms_4, forms_6, secret_forms

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

KEY = b"privacy tests: thirty-two bytes!"
KEYS = {"p1": KEY}
EACH = 500
DAYS_AGO = 5
LIMIT_S = 60.0
WEBSITE = "privacy-site"
MARK = "kDfq7wZcXvbNm3RtYs9L"
"""Stands in the properties of an event: what the search must find where events are kept, or it is blind."""


@dataclass
class Stack:
    addresses: Addresses
    folder: Path
    supervisor: Supervisor
    log: KafkaSaltLog

    @property
    def kafka(self) -> str:
        return str(self.addresses.kafka)

    @property
    def files(self) -> Files:
        return Files((self.folder,))

    def of(self, *folder: str) -> Files:
        return Files((self.folder.joinpath(*folder),))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with Client.from_url(f"clickhouse://default@{self.addresses.clickhouse}/eventrail") as client:
            found: list[tuple[object, ...]] = client.execute(sql)
            return found


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Broker and engine, with topics and tables, and no service yet."""
    quiet_client_logs()
    addresses = free_addresses(random.Random())
    (tmp_path / "tmp").mkdir()
    key = base64.b64encode(KEY).decode()
    variables = environment.build(os.environ, addresses, {}) | {
        "TMPDIR": str(tmp_path / "tmp"),
        "EVENTRAIL_LOG_LEVEL": "DEBUG",
        "EVENTRAIL_ADDRESS_KEYS": f"p1:{key}",
        "EVENTRAIL_SALT_KEYS": f"p1:{key}",
        "EVENTRAIL_SALT_SECRET": key,
        "EVENTRAIL_COLLECTOR_TRUSTED_PROXIES": "127.0.0.0/8",
        "EVENTRAIL_ENRICHER_DATA_DIR": str(tmp_path / "state"),
        "EVENTRAIL_ENRICHER_SALT_CLEAN_SECONDS": "1",
    }
    reported: list[str] = []
    supervisor = Supervisor(variables, lambda name: tmp_path / "logs" / f"{name}.log", reported.append)
    bootstrap = str(addresses.kafka)
    log = KafkaSaltLog(bootstrap, lambda: producer(bootstrap))
    try:
        await supervisor.start(programs.backends(addresses, tmp_path / "data"))
        await supervisor.run_jobs(programs.JOBS)
        yield Stack(addresses, tmp_path, supervisor, log)
    finally:
        await log.stop()
        await supervisor.stop(programs.STOP_ORDER)
    assert reported == []


async def test_no_address_and_no_salt_is_left_on_any_disk(stack: Stack) -> None:
    source = random.Random(7)
    sixes, fours = addresses_6(source, EACH), addresses_4(source, 2 * EACH)
    fours, decoys = fours[:EACH], fours[EACH:]
    past = await salts_of_days_past(stack)
    services = [each for each in programs.services(stack.addresses) if each.name != "query-api"]
    await stack.supervisor.start(services)
    await segments_of_a_second(stack)

    await post(stack, [*sixes, *fours])
    await publish_late_and_forged(stack, sixes[0])
    await until_stored(stack, 2 * EACH + 1)
    check_visitors(stack)
    check_rows(stack, [*forms_6(sixes), *forms_4(fours)])
    present = [record for record in await stack.log.read() if record.value is not None]
    await until_cleaned(stack, past)

    await stack.log.stop()
    await stack.supervisor.stop(programs.STOP_ORDER)
    check_search(stack, [record for record in present if record not in past])
    check_addresses(stack, sixes, fours, decoys)
    salts = agree(past, SaltSealer(KEYS)).salts | agree(present, SaltSealer(KEYS)).salts
    assert len(salts) >= 6
    assert stack.files.with_any(form for salt in salts.values() for form in secret_forms(salt)) == []
    assert stack.of("data", "kafka").with_any(ciphertexts(past)) == []


async def salts_of_days_past(stack: Stack) -> list[SaltRecord]:
    """What a worker made whose clock was back some days, and a rival of it that came second."""
    clock = ManualClock(unix_ms=time.time_ns() // 1_000_000 - DAYS_AGO * MS_PER_DAY)
    sealer = SaltSealer(KEYS)
    keeper = SaltKeeper(
        stack.log, sealer, DaySalts(), lambda: True, clock, Metrics(), clean_every_seconds=3600
    )
    await keeper.look(make=True)
    rival = record_key(clock.now_ms() // MS_PER_DAY, os.urandom(8))
    await stack.log.append([(rival, sealer.seal(os.urandom(32), rival))])
    made = await stack.log.read()
    assert len({day_of(record.key) for record in made}) >= 3
    return made


def ciphertexts(records: list[SaltRecord]) -> list[bytes]:
    return [SealedSalt.FromString(record.value or b"").ciphertext for record in records if record.value]


async def segments_of_a_second(stack: Stack) -> None:
    """The salts topic as it is, but with shorter times; the workers have verified it before."""
    shorter = {"segment.ms": "1000", "max.compaction.lag.ms": "1000", "file.delete.delay.ms": "1000"}
    resource = ConfigResource(ConfigResourceType.TOPIC, SALTS.name, {**SALTS.config, **shorter})
    async with admin(stack.kafka) as client:
        [answer] = await client.alter_configs([resource])
        assert [error for error, *_ in answer.resources] == [0]


async def post(stack: Stack, clients: list[IPv4Address | IPv6Address]) -> None:
    """One event of each client, and for some of them a request that is refused."""
    event = {"website_id": WEBSITE, "type": "event", "event_name": "seen", "event_data": {"mark": MARK}}
    limit = asyncio.Semaphore(32)
    async with httpx.AsyncClient(base_url=stack.addresses.collector.url, timeout=30, trust_env=False) as http:

        async def one(number: int, address: IPv4Address | IPv6Address) -> None:
            headers = {"X-Forwarded-For": str(address), "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
            async with limit:
                if number % 50 == 0:
                    refused = await http.post("/api/collect", content=b"{no json", headers=headers)
                    assert refused.status_code == 400
                taken = await http.post("/api/collect", json=event, headers=headers)
            assert taken.status_code == 202, taken.text

        await asyncio.gather(*(one(number, address) for number, address in enumerate(clients)))


async def publish_late_and_forged(stack: Stack, address: IPv6Address) -> None:
    """An event whose salt is gone, and one whose address does not decrypt."""
    then_ms = time.time_ns() // 1_000_000 - DAYS_AGO * MS_PER_DAY
    late = RawEvent(
        website_id=WEBSITE,
        event_id="00000000-0000-7000-8000-00000000000a",
        event_type=EventType.EVENT_TYPE_CUSTOM,
        event_name="late",
        timestamp_ms=then_ms,
        received_at_ms=then_ms,
        identity_day=then_ms // MS_PER_DAY,
        client_address=AddressSealer(KEYS).seal(address),
    )
    forged = RawEvent()
    forged.CopyFrom(late)
    forged.event_name = "forged"
    forged.client_address.counter += 1
    sender = producer(stack.kafka)
    await sender.start()
    await send(sender, RAW.name, 0, [Record(RawEvents(events=[late, forged]).SerializeToString())])
    await sender.stop()


async def until_stored(stack: Stack, count: int) -> None:
    end = time.monotonic() + LIMIT_S
    while (found := stack.rows("SELECT uniqExact(event_id) FROM events")[0][0]) != count:
        assert time.monotonic() < end, f"{found} of {count} events are stored"
        await asyncio.sleep(0.1)


def check_visitors(stack: Stack) -> None:
    """Each client is a visitor of its own, and the late event has none."""
    rows = stack.rows(
        "SELECT event_name, uniqExact(visitor_id), min(length(visitor_id)) FROM events GROUP BY 1 ORDER BY 1"
    )
    assert rows == [("late", 1, 0), ("seen", 2 * EACH, 32)]
    sources = stack.rows("SELECT event_name, any(visitor_source) FROM events GROUP BY 1 ORDER BY 1")
    assert [str(source) for _, source in sources] == ["salt_gone", "hash"]


def check_rows(stack: Stack, forms: list[Form]) -> None:
    """What compression may hide from the search of files: all columns of all tables, as text."""
    tables = [
        str(name) for (name,) in stack.rows("SELECT name FROM system.tables WHERE database = 'eventrail'")
    ]
    assert "events" in tables
    text = repr([stack.rows(f"SELECT * FROM `{name}`") for name in tables]).encode()
    assert MARK.encode() in text
    assert {form.name: set(form.found(text)) for form in forms if form.rare and set(form.found(text))} == {}


async def until_cleaned(stack: Stack, past: list[SaltRecord]) -> None:
    """Until the broker's own files hold nothing of `past`."""
    end = time.monotonic() + LIMIT_S
    files = stack.of("data", "kafka")
    while not files.are_known_without(ciphertexts(past)):
        assert time.monotonic() < end, f"still there: {files.with_any(ciphertexts(past))}"
        await asyncio.sleep(0.25)


def check_search(stack: Stack, salts: list[SaltRecord]) -> None:
    """What must be there is found: events at the broker and in the engine, and the salts that are in use."""
    assert stack.of("data", "kafka").with_any([MARK.encode()])
    assert stack.of("data", "clickhouse").with_any([MARK.encode()])
    assert stack.of("logs").bytes_in_all() > 0
    for ciphertext in ciphertexts(salts):
        assert stack.of("data", "kafka").with_any([ciphertext])


def check_addresses(
    stack: Stack, sixes: list[IPv6Address], fours: list[IPv4Address], decoys: list[IPv4Address]
) -> None:
    found: Counter[str] = Counter()
    forms = [*forms_6(sixes), *forms_4(fours)]
    blind = {form.name: form for form in forms_4(decoys) if not form.rare}
    by_chance: Counter[str] = Counter()
    for _path, content in stack.files.contents():
        for form in forms:
            found[form.name] += len(set(form.found(content)))
        for form in blind.values():
            by_chance[form.name] += len(set(form.found(content)))
    assert {form.name: found[form.name] for form in forms if form.rare and found[form.name]} == {}
    # Four bytes stand in any large file by chance: no more often than those of addresses that nobody ever had.
    for name in blind:
        assert found[name] <= by_chance[name] + 6 * sqrt(by_chance[name] + 1), (
            name,
            found[name],
            by_chance[name],
        )
