"""A GeoIP database in the MaxMind DB format (https://maxmind.github.io/MaxMind-DB/): City or Country, any maker."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice
from pathlib import Path
from typing import Any, Final

import maxminddb

from enricher.fragments import fragment
from enricher.lookups.places import Place
from eventrail.contract.v1.enriched_pb2 import Geo
from eventrail.errors import ConfigurationError
from eventrail.sealing import Address

CACHED_ADDRESSES: Final = 32_768
_CACHED_PLACES: Final = 8_192
_PROBED: Final = 1_000
_KINDS: Final = ("city", "country", "enterprise")
_NOT_ALL_PUBLIC: Final = frozenset((0, 10, 100, 127, 169, 172, 192, 198, 203, *range(224, 256)))
"""First octets of IPv4 in which IANA's registry of special-purpose addresses (RFC 6890) has any."""


class GeoLookup:
    """Places by address; keeps the last 32,768 answers. Without a reader it knows no place.

    `database` is type and build time of the file, such as "GeoLite2-City 2026-11-01T00:00:00Z", or "";
    `built_s` is the build time as Unix time in seconds, or 0.
    `failures` counts lookups that met damaged data in the file; those answer None.
    """

    def __init__(self, reader: maxminddb.Reader | None, cached: int = CACHED_ADDRESSES) -> None:
        self._reader = reader
        self.database = _name(reader) if reader is not None else ""
        self.built_s = reader.metadata().build_epoch if reader is not None else 0
        self._knows_ipv6 = reader is not None and reader.metadata().ip_version == 6
        self.failures = 0
        look_up = partial(self._look_up, reader) if reader is not None else _nowhere
        self.of: Callable[[bytes], Place | None] = lru_cache(maxsize=cached)(look_up)
        """The place of an address of 4 or 16 bytes; None where it is not known.

        Nor has an address a place that is not of the public internet, whatever the database says of it.
        """

    def _look_up(self, reader: maxminddb.Reader, packed: bytes) -> Place | None:
        address = _plain(ip_address(packed))
        if not _is_public(address) or (address.version == 6 and not self._knows_ipv6):
            return None
        try:
            return place(reader.get(address))
        except (maxminddb.InvalidDatabaseError, UnicodeDecodeError):
            self.failures += 1
            return None

    def close(self) -> None:
        """Gives the file back; afterwards the lookup must not be asked."""
        if self._reader is not None:
            self._reader.close()


def open_database(path: str | None) -> GeoLookup:
    """The lookup over the file at `path`; one that knows no place where `path` is None or empty.

    What is opened is a copy of its own: a file that is overwritten or cut short while it is mapped into memory
    would end the process. The copy has no name and goes with the lookup. Blocks while it copies.
    Raises ConfigurationError where the file is missing, unreadable, damaged or of another kind.
    """
    if not path:
        return GeoLookup(None)
    try:
        reader = _open_copy(path)
    except (maxminddb.InvalidDatabaseError, UnicodeDecodeError):
        raise ConfigurationError(
            f"GeoIP database {path} cannot be opened: it is no valid MaxMind DB file"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"GeoIP database {path} cannot be opened: {error}") from None
    kind = reader.metadata().database_type
    if not any(word in kind.lower() for word in _KINDS):
        reader.close()
        raise ConfigurationError(
            f"GeoIP database {path} is of type {kind!r}, but must be a City or Country database"
        )
    return GeoLookup(reader)


def _open_copy(path: str) -> maxminddb.Reader:
    with tempfile.TemporaryDirectory(prefix="eventrail-geoip-") as folder:
        copy = shutil.copyfile(path, Path(folder) / "copy.mmdb")
        reader = maxminddb.open_database(copy)
    try:
        _probe(reader)
    except Exception:
        reader.close()
        raise
    return reader


def _probe(reader: maxminddb.Reader) -> None:
    """Raises what maxminddb does for damaged data: where it begins, and at addresses all over the file.

    The metadata stand at the end of the file and may be right although what is before them is not.
    """
    for _network in islice(reader, _PROBED):
        pass
    step = 2**32 // _PROBED
    for number in range(_PROBED):
        reader.get(IPv4Address(number * step + step // 2))


def place(record: Any) -> Place | None:
    """The place in one record of the database; None where it names neither country, region nor city.

    Fields of another shape than MaxMind documents are taken as missing.
    """
    subdivisions = _field(record, "subdivisions")
    region = subdivisions[0] if isinstance(subdivisions, list) and subdivisions else None
    country = _text(_field(_field(record, "country"), "iso_code")).upper()
    names = _english(region), _english(_field(record, "city"))
    return place_of(country, *names) if country or any(names) else None


@lru_cache(maxsize=_CACHED_PLACES)
def place_of(country: str, region: str = "", city: str = "") -> Place:
    """The place of these names, "" where they are not known."""
    # Many addresses share one.
    geo = Geo(country=country, region=region, city=city)
    return Place(geo, fragment(geo=geo))


def _english(part: Any) -> str:
    return _text(_field(_field(part, "names"), "en"))


def _field(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _plain(address: Address) -> Address:
    # Databases of other makers than MaxMind know nothing of ::ffff:0:0/96.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_public(address: Address) -> bool:
    # `is_global` goes through a list of networks for each address.
    return (address.version == 4 and address.packed[0] not in _NOT_ALL_PUBLIC) or address.is_global


def _nowhere(_packed: bytes) -> Place | None:
    return None


def _name(reader: maxminddb.Reader) -> str:
    built = datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
    return f"{reader.metadata().database_type} {built:%Y-%m-%dT%H:%M:%SZ}"
