"""One digest of several parts, such that no other list of parts has the same one."""

from hashlib import blake2b
from typing import Final

SIZE: Final = 16
"""Bytes of a fingerprint."""


def fingerprint(purpose: bytes, *parts: bytes, key: bytes = b"") -> bytes:
    """BLAKE2b (RFC 7693) of `parts`, 16 bytes, keyed with `key` of at most 64 bytes.

    Each part goes in behind its length, so bytes cannot wander from one part into the next. `purpose`, at
    most 16 bytes, keeps fingerprints of different things apart.
    """
    digest = blake2b(digest_size=SIZE, key=key, person=purpose)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()
