"""Reading and writing the atoms of the native protocol: varints, strings, little-endian numbers."""

from __future__ import annotations

from collections.abc import Callable

from devstack.clickhouse.errors import ClientGone, WireError

MAX_HELD_BYTES = 1 << 30
"""No single block or string may be larger than this many bytes."""

_VARINT_BYTES = 10
_HIGH_BIT = 0x80


def encode_varint(number: int) -> bytes:
    """LEB128 of an unsigned number below 2**64."""
    out = bytearray()
    while number >= _HIGH_BIT:
        out.append((number & 0x7F) | _HIGH_BIT)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode_string(text: str | bytes) -> bytes:
    """A varint of the length in bytes, then the bytes (UTF-8 for text)."""
    raw = text.encode() if isinstance(text, str) else text
    return encode_varint(len(raw)) + raw


class Cursor:
    """A place in a stream of bytes that asks for more when it runs out.

    `more` blocks until there are bytes and returns b"" at the end of the stream. Every method
    raises ClientGone when the stream ends too early, and WireError when more than
    `limit` bytes would have to be held at once.
    """

    def __init__(self, more: Callable[[], bytes], limit: int = MAX_HELD_BYTES) -> None:
        self._more = more
        self._limit = limit
        self._held = bytearray()
        self._at = 0

    @property
    def unread(self) -> bytes:
        """Bytes that arrived and were not read yet."""
        return bytes(self._held[self._at :])

    def begin(self) -> None:
        """Forget what was read so far: `taken` counts from here."""
        del self._held[: self._at]
        self._at = 0

    def taken(self) -> bytes:
        """All bytes read or skipped since `begin`."""
        return bytes(self._held[: self._at])

    def _reach(self, end: int) -> None:
        """Hold at least `end` bytes."""
        if end > self._limit:
            raise WireError(
                f"a value or block of {end} bytes is over the limit of {self._limit}: "
                "send smaller blocks, or check that the client speaks the native protocol"
            )
        while len(self._held) < end:
            chunk = self._more()
            if not chunk:
                raise ClientGone(f"the stream ended {end - len(self._held)} bytes too early")
            self._held += chunk

    def skip(self, count: int) -> None:
        """Step over `count` bytes."""
        end = self._at + count
        self._reach(end)
        self._at = end

    def read(self, count: int) -> bytes:
        """The next `count` bytes."""
        start = self._at
        self.skip(count)
        return bytes(self._held[start : self._at])

    def uint(self, width: int) -> int:
        """An unsigned little-endian number of `width` bytes."""
        return int.from_bytes(self.read(width), "little")

    def varint(self) -> int:
        """An unsigned LEB128 number; at most ten bytes, as ClickHouse reads it."""
        number = 0
        for place in range(_VARINT_BYTES):
            byte = self.read(1)[0]
            number |= (byte & 0x7F) << (7 * place)
            if byte < _HIGH_BIT:
                return number
        raise WireError("a varint is longer than ten bytes")

    def string_bytes(self, limit: int) -> bytes:
        """A length-prefixed string of at most `limit` bytes."""
        size = self.varint()
        if size > limit:
            raise WireError(f"a string of {size} bytes where at most {limit} are allowed")
        return self.read(size)

    def string(self, limit: int) -> str:
        """A length-prefixed UTF-8 string of at most `limit` bytes."""
        try:
            return self.string_bytes(limit).decode()
        except UnicodeDecodeError as error:
            raise WireError(f"a string is not UTF-8: {error}") from error

    def skip_strings(self, count: int) -> None:
        """Step over `count` length-prefixed strings; the hot loop of every insert."""
        held, at = self._held, self._at
        end = len(held)
        for _ in range(count):
            if at >= end:
                self._reach(at + 1)
                end = len(held)
            size = held[at]
            at += 1
            if size >= _HIGH_BIT:
                self._at = at - 1
                size = self.varint()
                at = self._at
            at += size
        self._reach(at)
        self._at = at
