"""A small world for the enricher's tests: real sealing, real agent rules, a GeoIP file built here."""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from enricher.lookups.agents import AgentLookup
from enricher.lookups.geo import GeoLookup, open_database
from enricher.lookups.salts import DerivedSalts
from enricher.world import MemorySessionStore, World
from eventrail.contract.v1.enriched_pb2 import EVENT_TYPE_CUSTOM
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.sealing import AddressOpener, AddressSealer

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
    "67.43.156.0/24": {"country": "BT", "subdivisions": {"names": {"en": "?"}}, "city": ["Thimphu"]},
}


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
        salts=DerivedSalts(b"a secret of the tests"),
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
