"""Serialized events become RawEvents messages without being parsed again.

A field of a protobuf message is its tag, its length as a varint, and its bytes; a repeated field is
the same again for each item (protobuf encoding, "Length-Delimited Records"). So a chunk is just
the frames of its events, one behind the other.
"""

from collections.abc import Iterable

_TAG = b"\x0a"
"""Field 1 of RawEvents (`events`), wire type 2."""


def frame(event: bytes) -> bytes:
    """A serialized RawEvent as one item of RawEvents.events."""
    size = len(event)
    if size < 0x80:
        return b"%b%c%b" % (_TAG, size, event)
    varint = bytearray()
    while size >= 0x80:
        varint.append(size & 0x7F | 0x80)
        size >>= 7
    varint.append(size)
    return _TAG + varint + event


def pack(frames: Iterable[bytes], max_events: int, max_bytes: int) -> tuple[list[bytes], list[int]]:
    """Frames as chunks of at most `max_events` and, unless one frame alone is larger, `max_bytes`.

    Returns the chunks in order, and for each frame the place of its chunk among them.
    """
    chunks: list[bytes] = []
    places: list[int] = []
    current: list[bytes] = []
    size = 0
    for item in frames:
        if current and (len(current) >= max_events or size + len(item) > max_bytes):
            chunks.append(b"".join(current))
            current, size = [], 0
        current.append(item)
        size += len(item)
        places.append(len(chunks))
    if current:
        chunks.append(b"".join(current))
    return chunks, places
