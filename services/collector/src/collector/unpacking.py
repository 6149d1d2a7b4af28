"""Compressed bodies: `Content-Encoding: gzip` (RFC 1952), never unpacked beyond a bound."""

import zlib
from typing import Final

from collector.refusals import Refused

ENCODINGS: Final = (b"gzip", b"x-gzip")
"""RFC 9110, 8.4.1.3: a recipient treats x-gzip as gzip."""

MAX_MEMBERS: Final = 100
"""gzip allows any number of streams one after the other, also empty ones; each costs a little to begin."""

_GZIP_ONLY: Final = 16 + zlib.MAX_WBITS


def gunzip(packed: bytes, most: int) -> bytes:
    """What `packed` holds, at most `most` bytes; more is never unpacked, whatever the ratio.

    Raises Refused: `body_too_large`, or `invalid_encoding` where `packed` is no gzip, ends too early or goes on
    after its end.
    """
    pieces: list[bytes] = []
    room = most
    for _ in range(MAX_MEMBERS):
        piece, packed = _member(packed, room)
        pieces.append(piece)
        room -= len(piece)
        if not packed:
            return b"".join(pieces)
    raise Refused("invalid_encoding", f"the body has more than {MAX_MEMBERS} gzip streams; send it as one")


def _member(packed: bytes, room: int) -> tuple[bytes, bytes]:
    """The first gzip stream of `packed`, unpacked, and what comes after it."""
    stream = zlib.decompressobj(_GZIP_ONLY)
    try:
        piece = stream.decompress(packed, room + 1)
    except zlib.error as error:
        raise Refused("invalid_encoding", f"the body is not gzip all through: {error}") from None
    if len(piece) > room:
        raise Refused("body_too_large", "the body is too large when unpacked; send fewer events at once")
    if not stream.eof:
        raise Refused("invalid_encoding", "the gzip body ends too early")
    return piece, stream.unused_data
