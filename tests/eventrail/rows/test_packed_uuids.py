"""Packed UUIDs are the UUIDs that were packed."""

from array import array
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.rows.packed_uuids import PackedUuids


@given(st.lists(st.uuids(), max_size=5))
def test_they_are_the_uuids_by_their_halves(uuids: list[UUID]) -> None:
    halves = [half for each in uuids for half in (each.int >> 64, each.int % 2**64)]
    packed = PackedUuids(array("Q", halves))
    assert list(packed) == uuids
    assert len(packed) == len(uuids)
    assert packed[1:3] == uuids[1:3]
    assert [packed[-number] for number in range(1, len(uuids) + 1)] == uuids[::-1]
    with pytest.raises(IndexError):
        packed[len(uuids)]
