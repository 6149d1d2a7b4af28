import asyncio

from collector.sinks import Published
from collector.sinks.backlog import Backlog, Failure, Lane, Parcel, Publication


def parcel(*frames: bytes) -> Parcel:
    publication = Publication(asyncio.get_running_loop().create_future(), 0.0)
    for place, item in enumerate(frames):
        publication.add(0, place, item)
    return publication.parcels[0]


async def test_the_bounds_hold_in_events_and_in_bytes() -> None:
    backlog = Backlog(max_events=3, max_bytes=10)
    first = parcel(b"1234", b"12")
    backlog.take(first)
    assert (backlog.events, backlog.bytes) == (2, 6)
    assert backlog.has_room(1, 4)
    assert not backlog.has_room(2, 2)
    assert not backlog.has_room(1, 5)
    backlog.release(first)
    assert (backlog.events, backlog.bytes) == (0, 0)


async def test_a_fate_is_told_once() -> None:
    one = parcel(b"x")
    one.settle(Failure("away"))
    one.settle(7)
    assert await one.publication.done == Published({0: "away"})


async def test_a_publication_ends_with_its_last_parcel() -> None:
    publication = Publication(asyncio.get_running_loop().create_future(), 0.0)
    for place, partition in enumerate((1, 2, 1)):
        publication.add(partition, place, b"x")
    publication.parcels[1].settle(Failure("late"))
    assert not publication.done.done()
    publication.parcels[2].settle(7)
    assert await publication.done == Published({0: "late", 2: "late"}, {2: 7})


async def test_a_publication_that_nobody_waits_for_is_settled_all_the_same() -> None:
    one = parcel(b"x")
    one.publication.done.cancel()
    one.settle(7)


async def test_a_lane_hands_out_in_order_and_by_size() -> None:
    lane = Lane()
    parcels = [parcel(b"x" * 4) for _ in range(5)]
    for one in parcels:
        lane.put(one)
    assert lane.withdraw(parcels[1])
    assert lane.next(8) == [parcels[0], parcels[2]]
    assert not lane.withdraw(parcels[0])
    assert lane.next(1) == [parcels[3]]
    assert lane
    assert lane.next(100) == [parcels[4]]
    assert not lane
