from collector.sinks import Placed
from collector.sinks.memory import MemorySink
from eventrail.contract.codec import decode_raw
from eventrail.contract.v1.raw_pb2 import RawEvent


def placed(key: int) -> Placed:
    return Placed(key, RawEvent(event_id=str(key)).SerializeToString())


async def test_events_stand_in_the_partition_of_their_key() -> None:
    sink = MemorySink(partitions=2)
    done = await sink.publish([placed(4), placed(7), placed(6)])
    assert (done.failures, done.offsets) == ({}, {0: 0, 1: 0})
    assert [event.event_id for event in decode_raw(sink.chunks[0][0])] == ["4", "6"]
    assert [event.event_id for event in decode_raw(sink.chunks[1][0])] == ["7"]


async def test_it_can_be_told_to_refuse_a_partition() -> None:
    sink = MemorySink(partitions=2)
    sink.refuse = {1: "no leader"}
    done = await sink.publish([placed(4), placed(7)])
    assert (done.failures, done.offsets) == ({1: "no leader"}, {0: 0})


async def test_it_can_be_kept_small() -> None:
    sink = MemorySink(partitions=1, keep=2)
    ends = [(await sink.publish([placed(n)])).offsets[0] for n in range(5)]
    assert ends == [0, 1, 2, 3, 4]
    assert [decode_raw(chunk)[0].event_id for chunk in sink.chunks[0]] == ["3", "4"]
