import pytest

from eventrail.errors import ConfigurationError
from eventrail.rejected.entry import Address, entry, parse_address
from tests.eventrail.rejected.making import NOON, by_enricher, raw


def test_an_address_is_written_and_read_back() -> None:
    assert parse_address("3:90071992547409") == Address(3, 90_071_992_547_409)
    assert str(Address(0, 12)) == "0:12"
    assert min(Address(1, 0), Address(0, 12), Address(0, 3)) == Address(0, 3)


@pytest.mark.parametrize(
    "written", ["3", "3:", ":3", "a:b", "-1:3", "1:-3", "1:2:3", "1:2 ", "²:3", "1" * 40 + ":1"]
)
def test_what_is_no_address_is_told(written: str) -> None:
    with pytest.raises(ConfigurationError, match="is no address; expected PARTITION:OFFSET"):
        parse_address(written)


def test_a_record_tells_its_own_time() -> None:
    rejected = by_enricher(raw())
    found = entry(Address(1, 2), rejected.SerializeToString(), NOON + 99)
    assert (found.event, found.at_ms) == (rejected, rejected.rejected_at_ms)


@pytest.mark.parametrize("value", [b"\xff\xff\xff", None])
def test_what_cannot_be_read_stays_with_its_bytes(value: bytes | None) -> None:
    found = entry(Address(1, 2), value, NOON)
    assert (found.event, found.at_ms, found.value) == (None, NOON, value or b"")
