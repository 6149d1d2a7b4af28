"""Ids of the stream: where a reader stands in all partitions of the enriched topic. Pure.

An id is the token (eventrail.tokens) of the last offset seen in each partition, and behind a dot a mark: the
partition and the broker's time of one of the records at these offsets, in hexadecimal. A topic that was created anew
counts from 0 again; the mark tells its records from those of the same offset before.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from eventrail import tokens
from eventrail.errors import TokenError

_MARK: Final = re.compile(r"([0-9a-f]{1,8})-([0-9a-f]{1,16})")


class Mark(NamedTuple):
    """The record at a position in `partition` has this time, Unix milliseconds."""

    partition: int
    timestamp_ms: int


@dataclass(frozen=True)
class Position:
    """By partition the last offset that was seen; a partition that is missing was seen from its beginning."""

    offsets: Mapping[int, int] = field(default_factory=dict)
    mark: Mark | None = None


def encode(position: Position) -> str:
    """The id, in characters that may stand in a header."""
    token = tokens.encode(position.offsets)
    mark = position.mark
    return token if mark is None else f"{token}.{mark.partition:x}-{mark.timestamp_ms:x}"


def decode(text: str) -> Position:
    """The position of an id. Raises TokenError for text that `encode` did not make."""
    token, dot, mark = text.partition(".")
    offsets = tokens.decode(token)
    if not dot:
        return Position(offsets)
    found = _MARK.fullmatch(mark)
    if found is None or int(found[1], 16) not in offsets:
        raise TokenError("the mark of the id is damaged")
    return Position(offsets, Mark(int(found[1], 16), int(found[2], 16)))
