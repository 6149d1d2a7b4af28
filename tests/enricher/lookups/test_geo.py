import csv
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, cast

import maxminddb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.lookups.geo import GeoLookup, _is_public, open_database, place
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, Geo
from eventrail.errors import ConfigurationError

with (Path(__file__).parents[1] / "golden" / "addresses.tsv").open(newline="") as file:
    GOLDEN = list(csv.reader(file, delimiter="\t"))[1:]


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row[0])
def test_each_address_has_the_place_of_the_golden_table_or_none(geo: GeoLookup, row: list[str]) -> None:
    address, country, region, city = row
    expected = Geo(country=country, region=region, city=city)
    found = geo.of(ip_address(address).packed)
    assert (found is None) == (expected == Geo())
    if found is not None:
        assert found.geo == expected == EnrichedEvent.FromString(found.written).geo
    assert geo.failures == 0


def test_the_golden_table_is_large_enough() -> None:
    assert len({row[0] for row in GOLDEN}) >= 40
    assert len([row for row in GOLDEN if any(row[1:])]) >= 15


def test_a_country_database_gives_the_country(write_mmdb: Callable[..., Path]) -> None:
    path = write_mmdb("DBIP-Country-Lite", {"5.0.0.0/8": {"country": {"iso_code": "DE"}}})
    found = open_database(str(path)).of(ip_address("5.1.2.3").packed)
    assert found is not None
    assert found.geo == Geo(country="DE")


def test_a_database_of_version_4_addresses_knows_no_version_6(write_mmdb: Callable[..., Path]) -> None:
    lookup = open_database(
        str(write_mmdb("V4-City", {"5.0.0.0/8": {"country": {"iso_code": "DE"}}}, ip_version=4))
    )
    found = lookup.of(ip_address("5.1.2.3").packed)
    assert found is not None
    assert found.geo == Geo(country="DE")
    assert lookup.of(ip_address("2a02:cf40::1").packed) is None


def test_the_database_is_named_with_its_build_time(city_mmdb: Path) -> None:
    with maxminddb.open_database(str(city_mmdb)) as reader:
        built = reader.metadata().build_epoch
    moment = datetime.fromtimestamp(built, UTC).replace(tzinfo=None).isoformat()
    assert open_database(str(city_mmdb)).database == f"Test-City {moment}Z"


@pytest.mark.parametrize("path", [None, ""])
def test_without_a_database_there_are_no_places(path: str | None) -> None:
    lookup = open_database(path)
    assert lookup.of(ip_address("81.2.69.142").packed) is None
    assert lookup.database == ""
    lookup.close()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.mmdb cannot be opened: .*No such file"):
        open_database(str(tmp_path / "absent.mmdb"))


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 4096])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mmdb"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"broken\.mmdb cannot be opened"):
        open_database(str(path))


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        open_database(str(tmp_path))


def test_a_database_of_another_kind_is_refused(write_mmdb: Callable[..., Path]) -> None:
    path = write_mmdb("GeoLite2-ASN", {"5.0.0.0/8": {"autonomous_system_number": 1}})
    with pytest.raises(
        ConfigurationError, match="of type 'GeoLite2-ASN', but must be a City or Country database"
    ):
        open_database(str(path))


def test_a_file_with_good_metadata_and_damaged_data_is_refused(city_mmdb: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mmdb"
    content = city_mmdb.read_bytes()
    with maxminddb.open_database(str(city_mmdb)) as reader:
        metadata = reader.metadata()
    tree = metadata.node_count * metadata.record_size // 4 + 16
    end = content.rindex(b"\xab\xcd\xefMaxMind.com")
    path.write_bytes(content[:tree] + b"\xff" * (end - tree) + content[end:])
    with pytest.raises(ConfigurationError, match="no valid MaxMind DB file"):
        open_database(str(path))
    path.write_bytes(b"\xff" * tree + content[tree:])
    with pytest.raises(ConfigurationError, match="no valid MaxMind DB file"):
        open_database(str(path))


def test_damage_that_shows_later_is_counted_and_gives_no_place(city_mmdb: Path) -> None:
    class DamagedReader:
        def __init__(self, reader: maxminddb.Reader) -> None:
            self.metadata = reader.metadata

        def get(self, address: object) -> object:
            raise maxminddb.InvalidDatabaseError(f"damaged at {address}")

    with maxminddb.open_database(str(city_mmdb)) as reader:
        lookup = GeoLookup(cast("maxminddb.Reader", DamagedReader(reader)))
        assert lookup.of(ip_address("81.2.69.142").packed) is None
        assert lookup.of(ip_address("81.2.69.142").packed) is None
        assert lookup.failures == 1
        assert lookup.of(ip_address("10.0.0.1").packed) is None


@pytest.mark.parametrize(
    "record",
    [None, {}, [], "DE", 7, {"country": None}, {"country": {"iso_code": 7}}, {"subdivisions": [None]},
     {"subdivisions": [[]]}, {"city": {"names": ["x"]}}, {"city": {"names": {"de": "Wien"}}}],
)  # fmt: skip
def test_records_of_any_other_shape_name_no_place(record: Any) -> None:
    assert place(record) is None


def test_answers_are_kept_and_their_number_is_bounded(city_mmdb: Path) -> None:
    asked: list[object] = []

    class CountingReader:
        def __init__(self, reader: maxminddb.Reader) -> None:
            self.metadata = reader.metadata
            self._reader = reader

        def get(self, address: Any) -> Any:
            asked.append(address)
            return self._reader.get(address)

    lookup = GeoLookup(CountingReader(maxminddb.open_database(str(city_mmdb))), cached=2)  # type: ignore[arg-type]
    for number in (1, 1, 2, 3, 1):
        assert lookup.of(ip_address(f"81.2.69.{number}").packed) is not None
    assert [str(address)[-1] for address in asked] == ["1", "2", "3", "1"]


def test_the_registry_has_special_networks_only_where_it_is_asked() -> None:
    for first in range(2**16):
        for rest in (0, 1, 2**16 - 1):
            address = IPv4Address(first * 2**16 + rest)
            assert _is_public(address) == address.is_global, address


@given(st.ip_addresses())
def test_an_address_is_public_where_the_library_says_so(address: IPv4Address | IPv6Address) -> None:
    assert _is_public(address) == address.is_global
