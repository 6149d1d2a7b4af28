"""One digest of several parts, such that no other list of parts has the same one."""

from hashlib import blake2b
from typing import Final

SIZE: Final = 16
"""Bytes of a fingerprint."""

_SHORT: Final = 512
_LENGTHS: Final = tuple(size.to_bytes(4) for size in range(_SHORT))
"""Three of these are asked for with each event; to make one costs as much as the rest of the framing."""


def fingerprint(purpose: bytes, *parts: bytes, key: bytes = b"") -> bytes:
    """BLAKE2b (RFC 7693) of `parts`, 16 bytes, keyed with `key` of at most 64 bytes.

    Each part goes in behind its length, so bytes cannot wander from one part into the next. `purpose`, at
    most 16 bytes, keeps fingerprints of different things apart.
    """
    framed: list[bytes] = []
    for part in parts:
        size = len(part)
        framed.append(_LENGTHS[size] if size < _SHORT else size.to_bytes(4))
        framed.append(part)
    return blake2b(b"".join(framed), digest_size=SIZE, key=key, person=purpose).digest()
