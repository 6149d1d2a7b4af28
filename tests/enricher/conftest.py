"""A small world for the enricher's tests: real sealing, real agent rules, a GeoIP file built here."""

import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from devstack.single import broker
from enricher.lookups.agents import AgentLookup
from enricher.lookups.geo import GeoLookup, open_database
from enricher.lookups.visitor_ids import VisitorIds
from enricher.world import MemorySessionStore, World
from eventrail.contract.topics import ALL
from eventrail.contract.v1.enriched_pb2 import EVENT_TYPE_CUSTOM
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.kafka.admin import create_topics
from eventrail.kafka.records import producer
from eventrail.sealing import AddressOpener, AddressSealer
from eventrail.settings import KafkaSettings
from tests.enricher.worker_process import Reader, Worker, reading

KEYS = {"k1": bytes(range(32))}
NOON = 1_780_056_000_000  # 2026-05-29T12:00:00Z

PLACES: dict[str, Any] = {
    "81.2.69.0/24": {
        "country": {"iso_code": "GB", "names": {"en": "United Kingdom"}},
        "subdivisions": [
            {"iso_code": "ENG", "names": {"en": "England", "de": "England"}},
            {"iso_code": "WBK", "names": {"en": "West Berkshire"}},
        ],
        "city": {"names": {"en": "Boxford", "de": "Boxford (DE)"}},
    },
    "89.160.20.0/24": {
        "country": {"iso_code": "SE"},
        "subdivisions": [{"names": {"sv": "Östergötland", "en": "Östergötland County"}}],
        "city": {"names": {"sv": "Linköping"}},
    },
    "175.16.199.0/24": {"country": {"iso_code": "cn"}, "subdivisions": [], "city": {}},
    "2a02:cf40::/29": {"country": {"iso_code": "NO"}, "city": {"names": {"en": "Oslo"}}},
    "216.160.83.0/24": {"registered_country": {"iso_code": "US"}, "traits": {"is_satellite_provider": True}},
    "2.125.160.0/24": {
        "country": {"iso_code": "GB"},
        "subdivisions": [{"names": {"en": "England"}}],
        "city": {"names": {"en": "Boxford"}},
    },
    "9.0.0.0/8": {"country": {"iso_code": "US"}},
    "9.9.9.9/32": {
        "country": {"iso_code": "US"},
        "subdivisions": [{"iso_code": "CA", "names": {"en": "California"}}],
        "city": {"names": {"en": "Berkeley"}},
    },
    # Records of networks that are not public say nothing of anybody.
    "10.0.0.0/8": {"country": {"iso_code": "DE"}, "city": {"names": {"en": "Our office"}}},
    "192.0.2.0/24": {"country": {"iso_code": "DE"}},
    "fd12:3456:789a::/48": {"country": {"iso_code": "DE"}, "city": {"names": {"en": "Our office"}}},
    "172.32.0.0/16": {
        "country": {"iso_code": "de"},
        "subdivisions": [{"names": {"de": "Bayern", "en": "Bavaria"}}],
        "city": {"names": {"en": "München"}},
    },
    "2620:fe::/47": {"country": {"iso_code": "CH"}},
    "2620:fe::/64": {
        "country": {"iso_code": "CH"},
        "subdivisions": [{"names": {"en": "Zurich"}}],
        "city": {"names": {"en": "Zürich"}},
    },
    "2a0e:97c0::/32": {"subdivisions": [{"names": {"en": "Tromsø"}}]},
    "67.43.156.0/24": {"country": "BT", "subdivisions": {"names": {"en": "?"}}, "city": ["Thimphu"]},
}


class EverySalt:
    """A salt for each day."""

    def visitors(self, utc_day: int) -> VisitorIds:
        return VisitorIds(utc_day.to_bytes(32, "big", signed=True))


@pytest.fixture(scope="session")
def write_mmdb(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a database: `write_mmdb(kind, records by network, ip_version=6)` gives its path."""

    def write(kind: str, records: dict[str, Any], ip_version: int = 6) -> Path:
        writer = MMDBWriter(
            ip_version, kind, languages=["en"], description="for tests", ipv4_compatible=ip_version == 6
        )
        for network, record in records.items():
            writer.insert_network(IPSet([network]), record)
        path = tmp_path_factory.mktemp("mmdb") / f"{kind}.mmdb"
        writer.to_db_file(str(path))
        return path

    return write


@pytest.fixture(scope="session")
def city_mmdb(write_mmdb: Callable[..., Path]) -> Path:
    """A City database with the networks of PLACES."""
    return write_mmdb("Test-City", PLACES)


@pytest.fixture(scope="session")
def agents() -> AgentLookup:
    return AgentLookup()


@pytest.fixture(scope="session")
def geo(city_mmdb: Path) -> GeoLookup:
    return open_database(str(city_mmdb))


@pytest.fixture
def world(agents: AgentLookup, geo: GeoLookup) -> World:
    """A world with an empty session store; the slow lookups are shared."""
    return World(
        addresses=AddressOpener(KEYS),
        salts=EverySalt(),
        geo=geo,
        agents=agents,
        sessions=MemorySessionStore(),
    )


@pytest.fixture(scope="session")
def make_raw() -> Callable[..., RawEvent]:
    """A valid RawEvent: `make_raw(number, address="81.2.69.142", **fields)`; equal numbers give equal ids."""
    sealer = AddressSealer(KEYS)

    def make(number: int = 1, address: str | None = "81.2.69.142", **fields: Any) -> RawEvent:
        facts: dict[str, Any] = {
            "website_id": "shop",
            "event_id": f"00000000-0000-7000-8000-{number:012x}",
            "event_type": EVENT_TYPE_CUSTOM,
            "event_name": "signup_click",
            "timestamp_ms": NOON,
            "received_at_ms": NOON,
            "identity_day": NOON // 86_400_000,
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        }
        raw = RawEvent(**(facts | fields))
        if address is not None:
            raw.client_address.CopyFrom(sealer.seal(ip_address(address)))
        return raw

    return make


# --- for tests with real workers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A broker for these tests alone: a worker waits at raw events whose address key it does not have."""
    async with broker(tmp_path_factory.mktemp("kafka")) as servers:
        yield servers


@pytest.fixture(scope="module")
async def topics(kafka: str) -> None:
    await create_topics(KafkaSettings(kafka_bootstrap_servers=kafka), ALL)


@pytest.fixture(scope="module")
async def sender(kafka: str, topics: None) -> AsyncIterator[AIOKafkaProducer]:
    made = producer(kafka)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def reader(kafka: str, topics: None) -> AsyncIterator[Reader]:
    async with reading(kafka) as made:
        yield made


@pytest.fixture
def workers(kafka: str, topics: None, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers; ends those that a test leaves behind."""
    started: list[Worker] = []

    def start(**settings: str) -> Worker:
        started.append(Worker(kafka, tmp_path / f"worker-{len(started)}.log", **settings))
        return started[-1]

    yield start
    for worker in started:
        # Orderly where possible: the group waits for a killed member until its session times out.
        if worker.process.poll() is None:
            worker.process.terminate()
    for worker in started:
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(15)
        worker.kill()


@pytest.fixture
def website() -> str:
    return f"site-{uuid.uuid4().hex[:12]}"
