from hypothesis import given
from hypothesis import strategies as st

from eventrail.contract.v1.rejected_pb2 import RejectedEvent, Stage
from eventrail.rejected.selection import EVERYTHING, Filters
from eventrail.rejected.walking import in_order, newest
from tests.eventrail.rejected.making import Shelf

ODD, EVEN = Stage.STAGE_WRITER, Stage.STAGE_ENRICHER
times = st.lists(st.integers(1, 40), max_size=12).map(sorted)


def shelf(partitions: list[list[int]]) -> Shelf:
    return Shelf(
        [
            [RejectedEvent(rejected_at_ms=at, stage=ODD if at % 2 else EVEN) for at in found]
            for found in partitions
        ]
    )


@given(st.lists(times, min_size=1, max_size=4), st.integers(1, 9), st.integers(1, 5), st.booleans())
async def test_the_newest_are_those_of_the_whole_topic(
    partitions: list[list[int]], limit: int, window: int, only_odd: bool
) -> None:
    records = shelf(partitions)
    chosen = Filters(stages=frozenset({ODD})) if only_odd else EVERYTHING
    found = await newest(records, records.spans, chosen, limit, window)
    fitting = [at for part in partitions for at in part if not only_odd or at % 2]
    assert [told.at_ms for told in found] == sorted(fitting, reverse=True)[:limit]
    assert len({told.address for told in found}) == len(found)


async def test_not_more_is_read_than_needed() -> None:
    records = shelf([list(range(1, 100_000)), [5]])
    found = await newest(records, records.spans, EVERYTHING, 3, 10)
    assert [told.at_ms for told in found] == [99_999, 99_998, 99_997]
    assert records.were_read <= 2 * 30 + 1


async def test_in_order_is_partition_by_partition() -> None:
    records = shelf([[1, 5, 9], [], [2, 3]])
    found = [entry async for entry in in_order(records, records.spans, Filters(since_ms=2))]
    assert [(str(entry.address), entry.at_ms) for entry in found] == [
        ("0:1", 5),
        ("0:2", 9),
        ("2:0", 2),
        ("2:1", 3),
    ]


async def test_a_partition_is_read_on_while_it_may_hold_newer_ones() -> None:
    records = shelf([[10, 11, 12], [12, 13, 14]])
    found = await newest(records, records.spans, EVERYTHING, 3, 1)
    assert [told.at_ms for told in found] == [14, 13, 12]
