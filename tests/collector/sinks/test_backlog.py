import asyncio

from collector.sinks.backlog import Backlog, Failure, Lane, Parcel


def parcel(*frames: bytes) -> Parcel:
    made = Parcel(0, asyncio.get_running_loop().create_future())
    for place, item in enumerate(frames):
        made.add(place, item)
    return made


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
    assert await one.fate == "away"


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
