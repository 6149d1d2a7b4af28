"""Compressed frames of the native protocol.

A frame is the CityHash128 of all that follows (16 bytes), a method byte, the size of the frame without the
hash (u32), the size of the raw bytes (u32) and the compressed bytes. A client that asks for compression
gets all blocks as frames and sends all blocks as frames.
"""

from __future__ import annotations

from collections.abc import Callable

from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]
from lz4 import block as lz4

from devstack.clickhouse.errors import WireError
from devstack.clickhouse.wire import MAX_HELD_BYTES, Cursor

LZ4, ZSTD, STORED = 0x82, 0x90, 0x02

Unzstd = Callable[[bytes], bytes]
"""Decodes one zstd frame."""

_HEADER_BYTES = 9
_HALF = 1 << 64


def _checksum(frame: bytes) -> bytes:
    # The hash is one number with its first half on top, and each half is written little-endian.
    number: int = CityHash128(frame)
    high, low = divmod(number, _HALF)
    return high.to_bytes(8, "little") + low.to_bytes(8, "little")


def compress(raw: bytes) -> bytes:
    """One lz4 frame of these bytes; a server may always answer with lz4."""
    packed: bytes = lz4.compress(raw, store_size=False)
    size = (len(packed) + _HEADER_BYTES).to_bytes(4, "little")
    frame = bytes((LZ4,)) + size + len(raw).to_bytes(4, "little") + packed
    return _checksum(frame) + frame


def read_frame(cursor: Cursor, unzstd: Unzstd) -> bytes:
    """The raw bytes of the next frame. Raises WireError when it is damaged or its method unknown."""
    expected = cursor.read(16)
    head = cursor.read(_HEADER_BYTES)
    method, size, raw_size = head[0], _uint32(head[1:5]), _uint32(head[5:9])
    if not _HEADER_BYTES <= size <= MAX_HELD_BYTES or raw_size > MAX_HELD_BYTES:
        raise WireError(f"a compressed frame of {size} bytes for {raw_size} raw bytes")
    packed = cursor.read(size - _HEADER_BYTES)
    if _checksum(head + packed) != expected:
        raise WireError("the checksum of a compressed frame does not match its bytes")
    raw = _unpack(method, packed, raw_size, unzstd)
    if len(raw) != raw_size:
        raise WireError(f"a frame announced {raw_size} raw bytes and held {len(raw)}")
    return raw


def _uint32(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _unpack(method: int, packed: bytes, raw_size: int, unzstd: Unzstd) -> bytes:
    if method == LZ4:
        try:
            return bytes(lz4.decompress(packed, uncompressed_size=raw_size))
        except lz4.LZ4BlockError as error:
            raise WireError(f"a frame is not lz4: {error}") from error
    if method == ZSTD:
        return unzstd(packed)
    if method == STORED:
        return packed
    raise WireError(f"unknown compression method 0x{method:02x}; lz4 and zstd are understood")
