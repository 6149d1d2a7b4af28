"""Server keys: random, shown once, and kept only as hashes.

A key has 256 random bits, so one SHA-256 is enough: there is nothing to guess that a slow hash would protect.
"""

import base64
import hmac
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from eventrail.websites.model import ServerKey

KEY_BYTES: Final = 32
PREFIX: Final = "evk_"
"""What every key begins with, so that scanners for leaked secrets can find it."""

_HASH = re.compile(r"sha256:[0-9a-f]{64}")


def make(random: bytes) -> str:
    """The text of a key from 32 random bytes: the prefix and 43 characters of URL-safe base64."""
    if len(random) != KEY_BYTES:
        raise ValueError(f"a key is made from {KEY_BYTES} random bytes, not {len(random)}")
    return PREFIX + base64.urlsafe_b64encode(random).decode().rstrip("=")


def hash_of(key: str) -> str:
    """What stands in the file for `key`: "sha256:" and the hexadecimal SHA-256 of its text in UTF-8."""
    return f"sha256:{digest(key.encode()).hex()}"


def digest(key: bytes) -> bytes:
    """The 32 bytes that are compared."""
    return sha256(key).digest()


def is_hash(text: str) -> bool:
    """Whether `text` has the form that `hash_of` gives."""
    return _HASH.fullmatch(text) is not None


def matching(presented: bytes, server_keys: Iterable["ServerKey"]) -> "ServerKey | None":
    """The key whose digest is `presented`, None where none is; takes as long for each as for none."""
    found = None
    for key in server_keys:
        if hmac.compare_digest(key.digest, presented):
            found = key
    return found
