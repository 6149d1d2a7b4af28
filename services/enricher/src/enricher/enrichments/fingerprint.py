"""One digest of several parts, such that no other list of parts has the same one."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

SIZE: Final = 16
"""Bytes of a fingerprint."""

_LENGTHS: Final = tuple(size.to_bytes(4) for size in range(512))
"""Three of these are asked for with each event; to make one costs as much as the rest of the framing."""


def fingerprint(purpose: bytes, *parts: bytes, key: bytes = b"") -> bytes:
    """BLAKE2b (RFC 7693) of `parts`, 16 bytes, keyed with `key` of at most 64 bytes.

    Each part goes in behind its length, so bytes cannot wander from one part into the next. `purpose`, at
    most 16 bytes, keeps fingerprints of different things apart.
    """
    try:
        framed = _three(*parts) if len(parts) == 3 else _any(parts)
    except IndexError:
        framed = _any(parts)
    return blake2b(framed, digest_size=SIZE, key=key, person=purpose).digest()


def _three(one: bytes, two: bytes, three: bytes) -> bytes:
    return b"".join((_LENGTHS[len(one)], one, _LENGTHS[len(two)], two, _LENGTHS[len(three)], three))


def _any(parts: Iterable[bytes]) -> bytes:
    framed: list[bytes] = []
    for part in parts:
        framed.append(len(part).to_bytes(4))
        framed.append(part)
    return b"".join(framed)
