"""Where a source begins, and what it makes of what it reads."""

from dataclasses import dataclass
from typing import Any

import pytest

from eventrail.contract.codec import enriched_headers
from query_api.live.ring import Ring
from query_api.live.source import EnrichedTopic, take
from tests.query_api.live.conftest import Event


@dataclass
class Record:
    offset: int
    value: bytes | None
    headers: Any = ()
    partition: int = 0
    timestamp: int = 7


@pytest.fixture
def ring() -> Ring:
    made = Ring(100, 1 << 20)
    made.begin({0: 0})
    return made


def placed(ring: Ring, begins: dict[int, int], ends: dict[int, int]) -> dict[int, int]:
    EnrichedTopic("nobody:1")._take_place(ring, begins, ends)
    return ring.next


def test_it_begins_far_enough_back_to_fill_the_ring() -> None:
    assert placed(Ring(100, 1), {0: 0, 1: 0, 2: 990}, {0: 1_000, 1: 20, 2: 1_000}) == {0: 967, 1: 0, 2: 990}


def test_it_goes_on_where_it_was_and_reads_new_partitions_from_their_beginning() -> None:
    ring = Ring(100, 1)
    placed(ring, {0: 0}, {0: 1_000})
    assert placed(ring, {0: 900, 1: 0}, {0: 1_100, 1: 40}) == {0: 900, 1: 0}
    assert ring.generation == 0


@pytest.mark.parametrize(
    ("begins", "ends", "anew"),
    [
        ({0: 0}, {0: 1_100}, ""),
        ({0: 901}, {0: 1_100}, "gap"),
        ({0: 0}, {0: 899}, "unknown"),
        ({1: 0}, {1: 5_000}, "unknown"),
    ],
)
def test_a_topic_that_is_another_one(begins: dict[int, int], ends: dict[int, int], anew: str) -> None:
    ring = Ring(100, 1)
    placed(ring, {0: 0}, {0: 1_000})
    assert ring.next == {0: 900}
    placed(ring, begins, ends)
    assert ring.anew == anew
    assert set(ring.next) == set(ends)


def test_records_take_their_website_from_the_header_or_else_from_the_event(ring: Ring, event: Event) -> None:
    made = event(website_id="w")
    value = made.SerializeToString()
    view = ring.follow(b"/websites/w")
    take(
        ring,
        [Record(0, value, enriched_headers(made)), Record(1, value), Record(2, b"\xff"), Record(3, None)],
    )
    assert [view.entry(number).offset for number in range(view.end)] == [0, 1]
    assert ring.next == {0: 4}
    assert len(ring) == 2


def test_what_was_read_before_is_passed_over(ring: Ring, event: Event) -> None:
    value = event().SerializeToString()
    take(ring, [Record(0, value), Record(1, value)])
    take(ring, [Record(1, value), Record(2, value), Record(0, None)])
    assert (len(ring), ring.next) == (3, {0: 3})
