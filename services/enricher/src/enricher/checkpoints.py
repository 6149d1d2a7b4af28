"""What the table keeps for one key: its newest state, and those before it that a replay can still ask for.

Each raw record that changes a state adds a checkpoint: the record's offset and the state after it. A replay begins at a
committed offset, so of all the checkpoints below that one only the last can be asked for; older ones are
let go. What a checkpoint says follows from the raw topic alone, not from batches, workers or crashes, so
any two values of a key agree wherever they both speak, and the one that reaches further can stand for both
(docs/sessions.md has the argument).

Layout: a version byte, then the checkpoints, newest first, each as offset, length and state.
"""

import struct
from collections.abc import Iterator
from typing import Final

_VERSION: Final = 0x10
_PREFIX: Final = bytes([_VERSION])
_HEAD: Final = struct.Struct(">qH")
_HEAD_SIZE: Final = _HEAD.size
_BEGIN: Final = struct.Struct(">BqH")
"""The version and the first checkpoint's head."""

CROWDED_BYTES: Final = 16 * 1024
"""A value above this size asks for a commit, so that its older checkpoints can be let go."""


def added(value: bytes | None, offset: int, state: bytes, committed: int) -> bytes:
    """`value` with the `state` (at most 65,535 bytes) after the raw record at `offset`.

    Checkpoints at and behind `offset` go: they are being made again. So do those that no replay from
    `committed` on can ask for, a raw offset at or below every offset at which a replay may begin.
    """
    newest = _BEGIN.pack(_VERSION, offset, len(state)) + state
    if not value or value[0] != _VERSION:
        return newest
    begin, end, size = 1, 1, len(value)
    while end < size:
        found, length = _HEAD.unpack_from(value, end)
        end += _HEAD_SIZE + length
        if found >= offset:
            begin = end
        elif found < committed:
            break
    return newest + value[begin:end]


def as_of(value: bytes | None, offset: int) -> bytes | None:
    """The state before the raw record at `offset`; None where there was none."""
    if not value or value[0] != _VERSION:
        return None
    place, size = 1, len(value)
    while place < size:
        found, length = _HEAD.unpack_from(value, place)
        place += _HEAD_SIZE + length
        if found < offset:
            return value[place - length : place]
    return None


def newest(value: bytes) -> bytes | None:
    """The state that was added last; None for bytes of another version."""
    return next((value[place + _HEAD.size : after] for place, _found, after in _walk(value)), None)


def newest_offset(value: bytes) -> int:
    """Offset of the raw record that changed the state last; -1 for bytes of another version."""
    return next((found for _place, found, _after in _walk(value)), -1)


def pruned(value: bytes, committed: int) -> bytes:
    """`value` without the checkpoints that no replay from `committed` on can ask for."""
    for _place, found, after in _walk(value):
        if found < committed:
            return value[:after] if after < len(value) else value
    return value


def _walk(value: bytes) -> Iterator[tuple[int, int, int]]:
    """Place, offset and end of each checkpoint, newest first; none in bytes of another version."""
    if value[:1] != _PREFIX:
        return
    place, size = 1, len(value)
    while place < size:
        offset, length = _HEAD.unpack_from(value, place)
        after = place + _HEAD.size + length
        yield place, offset, after
        place = after
