"""Salts are encrypted before they leave the process: AES-256-GCM under a key of the environment.

The nonce is random: a few salts a day stay far below the 2^32 of NIST SP 800-38D, section 8.3. The record key is
authenticated too, so that a salt cannot be moved to another day.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from eventrail.contract.codec import decode
from eventrail.contract.v1.salts_pb2 import SealedSalt
from eventrail.errors import ContractError
from eventrail.sealing import UnknownKey

SALT_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_CHECK_BYTES: Final = 8
_PURPOSE: Final = b"eventrail.salt.v1"
_CHECK: Final = b"eventrail.salt.check.v1"


@dataclass(frozen=True)
class _Key:
    cipher: AESGCM
    check: bytes


def _derive(key: bytes) -> _Key:
    return _Key(
        AESGCM(HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(key)),
        HKDF(SHA256(), _CHECK_BYTES, salt=None, info=_CHECK).derive(key),
    )


class SaltSealer:
    """Encrypts with the first of `keys` (32 bytes by id), decrypts with any of them."""

    def __init__(self, keys: Mapping[str, bytes], random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._keys = {key_id: _derive(key) for key_id, key in keys.items()}
        self._active = next(iter(keys))
        self._random = random_bytes

    def seal(self, salt: bytes, record_key: bytes) -> bytes:
        """The value of a record with this key."""
        key, nonce = self._keys[self._active], self._random(_NONCE_BYTES)
        ciphertext = key.cipher.encrypt(nonce, salt, _PURPOSE + record_key)
        return SealedSalt(
            key_id=self._active, key_check=key.check, nonce=nonce, ciphertext=ciphertext
        ).SerializeToString(deterministic=True)

    def open(self, value: bytes, record_key: bytes) -> bytes:
        """The salt, 32 bytes.

        Raises ContractError for bytes that are no salt or were tampered with, which every holder of the keys finds
        alike; UnknownKey where another process may be able to read what this one cannot.
        """
        sealed = decode(SealedSalt, value)
        if len(sealed.key_check) != _CHECK_BYTES or len(sealed.nonce) != _NONCE_BYTES:
            raise ContractError("no sealed salt: key_check or nonce is missing", rule=True)
        key = self._keys.get(sealed.key_id)
        if key is None or key.check != sealed.key_check:
            what = "has no key" if key is None else "has another key under the id"
            raise UnknownKey(f"EVENTRAIL_SALT_KEYS {what} {sealed.key_id!r}")
        try:
            salt = key.cipher.decrypt(sealed.nonce, sealed.ciphertext, _PURPOSE + record_key)
        except (InvalidTag, ValueError):
            salt = b""
        if len(salt) != SALT_BYTES:
            raise ContractError("a salt does not decrypt", rule=True)
        return salt
