"""Parts of an enriched event as bytes.

Serialized messages one behind the other are one message (protobuf encoding, "Last One Wins"), so an event can be joined
from fragments: EnrichedEvents in which only some fields are set. What repeats from event to event is made once.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition

_ONE_BYTE: Final = tuple(bytes([number]) for number in range(128))


def fragment(**facts: Any) -> bytes:
    """These fields of an EnrichedEvent."""
    return EnrichedEvent(**facts).SerializeToString(deterministic=True)


def positions(partition: int, offset: int) -> Iterator[bytes]:
    """`raw_position` of each event of the record at `offset`, without end."""
    place = RawPosition(partition=partition, offset=offset)
    yield fragment(raw_position=place)
    place.index = 1
    # The index is the last field and, below 128, one byte.
    begin = fragment(raw_position=place)[:-1]
    for index in _ONE_BYTE[1:]:
        yield begin + index
    for number in count(len(_ONE_BYTE)):
        place.index = number
        yield fragment(raw_position=place)
