import base64
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.errors import ConfigurationError, ContractError
from eventrail.sealing import AddressOpener, AddressSealer, UnknownKey, parse_keys

KEYS = {"k2": b"2" * 32, "k1": b"1" * 32}


@given(st.ip_addresses())
def test_what_was_sealed_opens(address: object) -> None:
    sealed = AddressSealer(KEYS).seal(ip_address(str(address)))
    assert str(AddressOpener(KEYS).open(sealed)) == str(ip_address(str(address)))


def test_the_same_address_never_looks_the_same() -> None:
    sealer, other = AddressSealer(KEYS), AddressSealer(KEYS)
    seals = [s.seal(ip_address("192.0.2.1")) for s in (sealer, sealer, other)]
    assert len({s.ciphertext for s in seals}) == 3
    assert len({(s.process_id, s.counter) for s in seals}) == 3


def test_the_first_key_seals_and_all_keys_open() -> None:
    sealed = AddressSealer({"k1": KEYS["k1"]}).seal(ip_address("2001:db8::1"))
    assert AddressSealer(KEYS).seal(ip_address("2001:db8::1")).key_id == "k2"
    assert str(AddressOpener(KEYS).open(sealed)) == "2001:db8::1"


def test_a_key_that_is_not_there_is_told_apart_from_forged_bytes() -> None:
    sealed = AddressSealer(KEYS).seal(ip_address("192.0.2.1"))
    with pytest.raises(UnknownKey, match="no key 'k2'"):
        AddressOpener({"k1": KEYS["k1"]}).open(sealed)
    sealed.ciphertext = sealed.ciphertext[:-1] + bytes([sealed.ciphertext[-1] ^ 1])
    with pytest.raises(ContractError):
        AddressOpener(KEYS).open(sealed)


def test_the_wrong_secret_under_the_right_id_does_not_open() -> None:
    sealed = AddressSealer(KEYS).seal(ip_address("192.0.2.1"))
    with pytest.raises(ContractError):
        AddressOpener({"k2": b"x" * 32}).open(sealed)


def test_the_clear_address_is_not_in_the_message() -> None:
    address = ip_address("203.0.113.77")
    message = AddressSealer(KEYS).seal(address).SerializeToString()
    for form in (address.packed, str(address).encode(), address.packed.hex().encode()):
        assert form not in message


def test_subkeys_of_many_processes_stay_bounded() -> None:
    opener = AddressOpener(KEYS)
    for number in range(1100):
        sealer = AddressSealer(KEYS, process_id=number.to_bytes(16, "big"))
        opener.open(sealer.seal(ip_address("192.0.2.1")))
    assert len(opener._ciphers) == 1024


def test_keys_are_read_in_order() -> None:
    good = base64.b64encode(b"a" * 32).decode()
    assert list(parse_keys(f"new:{good}, old:{good}")) == ["new", "old"]


@pytest.mark.parametrize(
    "text", ["", " , ", "k1", "k1:abc", "k1:" + "A" * 44, ":" + "A" * 43 + "=", "x" * 17 + ":"]
)
def test_bad_keys_are_named_without_showing_them(text: str) -> None:
    with pytest.raises(ConfigurationError, match="EVENTRAIL_ADDRESS_KEYS") as caught:
        parse_keys(text)
    assert "A" * 40 not in str(caught.value)
