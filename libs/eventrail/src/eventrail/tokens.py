"""Tokens of receipts: up to where the raw topic held a sender's events, as opaque text.

A sender hands its token to the query API, which can then tell whether these events are in an answer. The text is
URL-safe base64 without padding (RFC 4648 section 5) of: the version (one byte, 1), the CRC-32 of what
follows (4 bytes, big-endian), then for each partition, ascending, the distance from the one before and the
offset, as LEB128 numbers. The CRC finds what was cut or mistyped; it is no signature, and a token holds no secret.
"""

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from eventrail.errors import TokenError

_VERSION: Final = b"\x01"
_CRC_BYTES: Final = 4
_MAX_CHARACTERS: Final = 65_536
_MAX_OFFSET: Final = 2**63 - 1
_MAX_PARTITION: Final = 2**31 - 1


def encode(offsets: Mapping[int, int]) -> str:
    """The token of `offsets`: by raw partition (0 to 2^31-1) the last offset (0 to 2^63-1)."""
    if len(offsets) == 1:
        (only,) = offsets.items()
        return _encode_one(*only)
    return _encode(offsets)


@lru_cache(maxsize=1024)
def _encode_one(partition: int, offset: int) -> str:
    # Events of many requests share a chunk, and so its offset.
    return _encode({partition: offset})


def _encode(offsets: Mapping[int, int]) -> str:
    packed = bytearray()
    before = 0
    for partition in sorted(offsets):
        _append(packed, partition - before)
        _append(packed, offsets[partition])
        before = partition
    crc = zlib.crc32(packed).to_bytes(_CRC_BYTES)
    return base64.urlsafe_b64encode(_VERSION + crc + packed).rstrip(b"=").decode()


def decode(token: str) -> dict[int, int]:
    """The offsets of a token, by partition. Raises TokenError for text that `encode` did not make."""
    packed = _checked(token)
    numbers = list(_numbers(packed))
    if len(numbers) % 2:
        raise TokenError("the token is incomplete; send it as it stood in the receipt")
    offsets: dict[int, int] = {}
    partition = 0
    for distance, offset in zip(numbers[::2], numbers[1::2], strict=True):
        partition += distance
        if partition in offsets or partition > _MAX_PARTITION or offset > _MAX_OFFSET:
            raise TokenError("the token is damaged; send it as it stood in the receipt")
        offsets[partition] = offset
    return offsets


def _append(packed: bytearray, number: int) -> None:
    while number > 0x7F:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)


def _checked(token: str) -> bytes:
    if len(token) > _MAX_CHARACTERS:
        raise TokenError(f"the token is longer than {_MAX_CHARACTERS:,} characters")
    try:
        plain = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("the token is no URL-safe base64; send it as it stood in the receipt") from None
    version, crc, packed = plain[:1], plain[1 : 1 + _CRC_BYTES], plain[1 + _CRC_BYTES :]
    if version != _VERSION:
        raise TokenError("the token is of a version that is not known here")
    if crc != zlib.crc32(packed).to_bytes(_CRC_BYTES):
        raise TokenError("the token is damaged; send it as it stood in the receipt")
    return packed


def _numbers(packed: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
    if shift:
        raise TokenError("the token is incomplete; send it as it stood in the receipt")
