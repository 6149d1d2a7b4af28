"""Client addresses are encrypted before they leave the collector (ARCHITECTURE.md, promise 4).

AES-256-GCM with a subkey per process: HKDF-SHA256 (RFC 5869) of the environment's key with a random
16 byte process id as salt. The nonce is the process's counter, so it never repeats under one subkey
(NIST SP 800-38D, deterministic construction); at 100,000 addresses a second the counter's 64 bits
last for millions of years.
"""

import base64
import binascii
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from eventrail.contract.v1.raw_pb2 import SealedAddress
from eventrail.errors import ConfigurationError, ContractError, EventrailError
from eventrail.settings import Settings

Address = IPv4Address | IPv6Address

_PURPOSE = b"eventrail.address.v1"
_SUBKEYS_KEPT = 1024
_ADDRESS_SIZES = (4, 16)


class UnknownKey(EventrailError):
    """An address is sealed with a key id that this process does not have; the stream has to wait for it."""


class SealingSettings(Settings):
    """Keys for client addresses; variables start with EVENTRAIL_."""

    model_config = SettingsConfigDict(env_prefix="EVENTRAIL_")

    address_keys: str = Field(
        description=(
            "Keys that encrypt client addresses on the raw topic: ID:BASE64 of 32 bytes, comma separated. "
            "The first one encrypts, all of them decrypt. Make one with: "
            "python3 -c 'import os,base64; print(\"k1:\" + base64.b64encode(os.urandom(32)).decode())'"
        ),
        repr=False,
    )


def parse_keys(text: str, variable: str = "EVENTRAIL_ADDRESS_KEYS") -> dict[str, bytes]:
    """Keys by id, the active one first. Raises ConfigurationError that names `variable` and shows no key material."""
    keys: dict[str, bytes] = {}
    for place, item in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
        key_id, _, encoded = item.partition(":")
        keys[key_id] = _key(variable, place, key_id, encoded)
    if not keys:
        raise ConfigurationError(f"{variable}: no key given, expected ID:BASE64[,ID:BASE64...]")
    return keys


def _key(variable: str, place: int, key_id: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32 or not 1 <= len(key_id) <= 16:
        raise ConfigurationError(
            f"{variable}: key {place} must be ID:BASE64 with an id of 1 to 16 characters "
            "and the base64 text of 32 bytes"
        )
    return key


def _cipher(key: bytes, process_id: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=process_id, info=_PURPOSE).derive(key))


class AddressSealer:
    """Encrypts addresses with the first of `keys`, under a subkey of its own; safe to share between threads."""

    def __init__(self, keys: Mapping[str, bytes], process_id: bytes | None = None) -> None:
        self._key_id, key = next(iter(keys.items()))
        self._process_id = process_id or os.urandom(16)
        self._cipher = _cipher(key, self._process_id)
        self._counter = count()
        self._lock = threading.Lock()

    def seal(self, address: Address) -> SealedAddress:
        """`address` encrypted; two calls never give the same ciphertext."""
        with self._lock:
            number = next(self._counter)
        ciphertext = self._cipher.encrypt(number.to_bytes(12, "big"), address.packed, _PURPOSE)
        return SealedAddress(
            key_id=self._key_id, process_id=self._process_id, counter=number, ciphertext=ciphertext
        )


class AddressOpener:
    """Decrypts what any collector sealed with one of `keys`; keeps the last 1,024 subkeys."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._ciphers: OrderedDict[tuple[str, bytes], AESGCM] = OrderedDict()

    def open(self, sealed: SealedAddress) -> Address:
        """The address. Raises UnknownKey for a key id it does not have, ContractError for forged bytes."""
        return ip_address(self.open_packed(sealed))

    def open_packed(self, sealed: SealedAddress) -> bytes:
        """The address as 4 or 16 bytes; raises as `open`."""
        subkey = sealed.key_id, sealed.process_id
        cipher = self._ciphers.get(subkey) or self._derived(*subkey)
        try:
            packed = cipher.decrypt(sealed.counter.to_bytes(12), sealed.ciphertext, _PURPOSE)
        except (InvalidTag, ValueError):
            packed = b""
        if len(packed) not in _ADDRESS_SIZES:
            raise ContractError("client_address does not decrypt", rule=True)
        return packed

    def _derived(self, key_id: str, process_id: bytes) -> AESGCM:
        if key_id not in self._keys:
            raise UnknownKey(f"EVENTRAIL_ADDRESS_KEYS has no key {key_id!r}, but the raw topic needs it")
        made = self._ciphers[key_id, process_id] = _cipher(self._keys[key_id], process_id)
        if len(self._ciphers) > _SUBKEYS_KEPT:
            self._ciphers.popitem(last=False)
        return made
