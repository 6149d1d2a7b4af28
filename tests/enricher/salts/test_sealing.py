import os

import pytest

from enricher.salts.sealing import SaltSealer
from eventrail.contract.v1.salts_pb2 import SealedSalt
from eventrail.errors import ContractError
from eventrail.sealing import UnknownKey

OLD, NEW = {"s1": bytes(range(32))}, {"s2": bytes(range(1, 33))}
KEY = b"2026-11-23/0123456789abcdef"
SALT = bytes(range(100, 132))


def test_what_is_sealed_opens_and_shows_nothing() -> None:
    value = SaltSealer(OLD).seal(SALT, KEY)
    assert SaltSealer(OLD).open(value, KEY) == SALT
    assert SALT not in value
    assert SaltSealer(OLD).seal(SALT, KEY) != value


def test_keys_rotate_the_first_encrypts_and_all_decrypt() -> None:
    before = SaltSealer(OLD).seal(SALT, KEY)
    both = SaltSealer(NEW | OLD)
    assert both.open(before, KEY) == SALT
    assert SealedSalt.FromString(both.seal(SALT, KEY)).key_id == "s2"


def test_a_key_that_is_not_here_is_named() -> None:
    value = SaltSealer(NEW).seal(SALT, KEY)
    with pytest.raises(UnknownKey, match="EVENTRAIL_SALT_KEYS has no key 's2'"):
        SaltSealer(OLD).open(value, KEY)


def test_another_key_under_the_same_id_is_no_damage() -> None:
    value = SaltSealer({"s1": NEW["s2"]}).seal(SALT, KEY)
    with pytest.raises(UnknownKey, match="has another key under the id 's1'"):
        SaltSealer(OLD).open(value, KEY)


def test_a_salt_cannot_be_moved_to_another_day() -> None:
    value = SaltSealer(OLD).seal(SALT, KEY)
    with pytest.raises(ContractError, match="does not decrypt"):
        SaltSealer(OLD).open(value, KEY.replace(b"23", b"24"))


def test_every_changed_bit_is_found() -> None:
    sealer = SaltSealer(OLD)
    sealed = SealedSalt.FromString(sealer.seal(SALT, KEY))
    for place in range(len(sealed.ciphertext)):
        damaged = bytearray(sealed.ciphertext)
        damaged[place] ^= 1
        changed = SealedSalt(
            key_id=sealed.key_id, key_check=sealed.key_check, nonce=sealed.nonce, ciphertext=bytes(damaged)
        )
        with pytest.raises(ContractError):
            sealer.open(changed.SerializeToString(), KEY)


@pytest.mark.parametrize("value", [b"", b"\xff", b"garbage", SealedSalt(key_id="s1").SerializeToString()])
def test_what_is_no_salt_is_found_alike_by_everybody(value: bytes) -> None:
    for keys in (OLD, NEW):
        with pytest.raises(ContractError):
            SaltSealer(keys).open(value, KEY)


def test_a_salt_of_another_length_is_none() -> None:
    sealer = SaltSealer(OLD, os.urandom)
    with pytest.raises(ContractError):
        sealer.open(sealer.seal(SALT[:16], KEY), KEY)
