"""UUIDs that stand as numbers, for columns of which nobody reads a single one."""

from array import array
from collections.abc import Sequence
from typing import overload
from uuid import UUID


class PackedUuids(Sequence[UUID]):
    """UUIDs as their two halves of 64 bits in turns, the first half first."""

    __slots__ = ("halves",)

    def __init__(self, halves: "array[int]") -> None:
        self.halves = halves

    def __len__(self) -> int:
        return len(self.halves) // 2

    @overload
    def __getitem__(self, place: int) -> UUID: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[UUID]: ...

    def __getitem__(self, place: int | slice) -> UUID | Sequence[UUID]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        first = 2 * range(len(self))[place]
        return UUID(int=self.halves[first] << 64 | self.halves[first + 1])
