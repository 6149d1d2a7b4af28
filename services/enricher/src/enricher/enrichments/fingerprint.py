"""One digest of several parts, such that no other list of parts has the same one."""

from hashlib import blake2b
from typing import Final

SIZE: Final = 16
"""Bytes of a fingerprint."""


def fingerprint(purpose: bytes, *parts: bytes) -> bytes:
    """BLAKE2b (RFC 7693) of `parts`, 16 bytes.

    Each part goes in behind its length, so bytes cannot wander from one part into the next. `purpose`, at
    most 16 bytes, keeps fingerprints of different things apart.
    """
    return blake2b(framed(*parts), digest_size=SIZE, person=purpose).digest()


def framed(*parts: bytes) -> bytes:
    """`parts`, each behind its length."""
    if len(parts) == 2:  # what nearly all of them are
        one, two = parts
        return b"".join((len(one).to_bytes(4), one, len(two).to_bytes(4), two))
    return b"".join([piece for part in parts for piece in (len(part).to_bytes(4), part)])
