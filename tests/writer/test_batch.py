"""When a batch is due, and that it is bounded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from writer.batch import Batch, FlushReason, Limits, WaitingRecord, waiting_records

Source = Callable[..., Any]

LIMITS = Limits(events=3, seconds=5.0, cap_events=6, cap_bytes=100)


@pytest.fixture
def batch() -> Batch:
    return Batch(LIMITS)


def test_an_empty_batch_is_never_due(batch: Batch) -> None:
    assert batch.due(1e9) is None
    assert batch.seconds_left(1e9) == 5.0
    assert batch.room() == 6


def test_adding_nothing_starts_no_wait(batch: Batch) -> None:
    batch.add([], 1.0)
    assert batch.due(100.0) is None


def test_it_is_due_when_enough_wait(batch: Batch, source: Source) -> None:
    batch.add([source(b"a"), source(b"b")], 10.0)
    assert batch.due(10.0) is None
    batch.add([source(b"c")], 10.0)
    assert batch.due(10.0) is FlushReason.COUNT


def test_it_is_due_when_the_oldest_has_waited_long_enough(batch: Batch, source: Source) -> None:
    batch.add([source(b"a")], 10.0)
    batch.add([source(b"b")], 14.0)
    assert batch.seconds_left(14.0) == 1.0
    assert batch.due(14.999) is None
    assert batch.due(15.0) is FlushReason.AGE
    assert batch.seconds_left(20.0) == 0.0


@pytest.fixture
def following() -> Batch:
    """The batch behind one that was flushed at 10.0."""
    return Batch(replace(LIMITS, interval=1.0)).following(10.0)


def test_between_two_flushes_by_number_lies_the_interval(following: Batch, source: Source) -> None:
    following.add([source(b"a") for _ in range(3)], 10.2)
    assert following.due(10.9) is None
    assert following.seconds_left(10.75) == 0.25
    assert following.due(11.0) is FlushReason.COUNT
    assert following.seconds_left(11.0) == 0.0


def test_a_full_batch_does_not_wait_for_the_interval(following: Batch, source: Source) -> None:
    following.add([source(b"a") for _ in range(6)], 10.2)
    assert following.due(10.2) is FlushReason.COUNT


def test_an_old_batch_does_not_wait_for_the_interval(source: Source) -> None:
    following = Batch(replace(LIMITS, interval=60.0)).following(10.0)
    following.add([source(b"a") for _ in range(3)], 10.0)
    assert following.seconds_left(14.0) == 1.0
    assert following.due(15.0) is FlushReason.AGE


def test_few_events_wait_for_their_age_behind_the_interval_too(following: Batch, source: Source) -> None:
    following.add([source(b"a")], 10.2)
    assert following.due(12.0) is None
    assert following.seconds_left(12.2) == 3.0


def test_the_number_of_events_is_capped(batch: Batch, source: Source) -> None:
    batch.add([source(b"") for _ in range(6)], 0.0)
    assert batch.room() == 0


def test_the_bytes_are_capped_and_make_it_due(batch: Batch, source: Source) -> None:
    batch.add([source(b"x" * 60, key=b"k" * 40)], 0.0)
    assert batch.size == 100
    assert batch.room() == 0
    assert batch.due(0.0) is FlushReason.COUNT


def test_a_record_without_value_counts_no_bytes(batch: Batch, source: Source) -> None:
    batch.add([source(None)], 0.0)
    assert batch.size == 0
    assert len(batch.records) == 1


def test_next_offsets_are_one_past_the_last_of_each_partition(batch: Batch, source: Source) -> None:
    # Offsets of the fixture count up: 0, 1, 2, 3.
    batch.add([source(b"", 7), source(b"", 7)], 0.0)
    batch.add([source(b"", 2), source(b"", 7)], 0.0)
    assert batch.next_offsets() == {7: 4, 2: 3}


def test_what_came_later_is_taken_over_in_order(batch: Batch, source: Source) -> None:
    later = Batch(LIMITS)
    batch.add([source(b"a", 7)], 0.0)
    later.add([source(b"bb", 7), source(b"ccc", 7)], 1.0)
    batch.take_from(later)
    assert [record.value for record in batch.records] == [b"a", b"bb", b"ccc"]
    assert batch.next_offsets() == {7: 3}
    assert (batch.size, later.size, later.records, later.since) == (6, 0, [], None)


def test_no_more_is_taken_over_than_the_caps_allow(batch: Batch, source: Source) -> None:
    later = Batch(LIMITS)
    batch.add([source(b"") for _ in range(4)], 0.0)
    later.add([source(b"") for _ in range(5)], 1.0)
    batch.take_from(later)
    assert (len(batch.records), len(later.records), later.since) == (6, 3, 1.0)
    batch, later = Batch(LIMITS), Batch(LIMITS)
    later.add([source(b"x" * 60), source(b"x" * 60), source(b"x" * 60)], 1.0)
    batch.take_from(later)
    assert (batch.size, later.size) == (120, 60)


def test_what_waits_is_what_a_record_is_needed_for(source: Source) -> None:
    records = [source(b"a", partition=3, key=b"k"), source(None)]
    waiting = waiting_records(records)
    assert [(one.partition, one.offset, one.key, one.value) for one in waiting] == [
        (one.partition, one.offset, one.key, one.value) for one in records
    ]
    assert {type(one) for one in waiting} == {WaitingRecord}
