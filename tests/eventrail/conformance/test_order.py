from hypothesis import given
from hypothesis import strategies as st

from eventrail.conformance.order import Order, Step
from eventrail_subscriber import EnrichedEvent
from eventrail_subscriber.v1.enriched_pb2 import RawPosition

EVERYTHING = frozenset({0})
A, B, C = Step.IN_ORDER, Step.OUT_OF_ORDER, Step.NOT_JUDGED


def event(
    offset: int, index: int = 0, visitor: str = "u", website: str = "shop", raw: int = 0
) -> EnrichedEvent:
    stood = RawPosition(partition=raw, offset=offset, index=index)
    return EnrichedEvent(website_id=website, visitor_id=visitor, raw_position=stood)


def steps(events: list[EnrichedEvent], complete: frozenset[int] = frozenset()) -> list[Step]:
    order = Order(complete)
    return [order.see(0, one) for one in events]


def test_offsets_and_places_within_a_chunk_go_up() -> None:
    assert steps([event(5, 0), event(5, 1), event(7, 0), event(5, 2)]) == [A, A, A, B]


def test_what_stands_before_the_first_that_was_read_may_be_a_copy() -> None:
    assert steps([event(5), event(3), event(4), event(6)]) == [A, C, C, A]


def test_before_the_first_of_all_records_there_is_none() -> None:
    assert steps([event(5), event(3)], EVERYTHING) == [A, B]


def test_there_is_no_order_between_visitors_websites_and_raw_partitions() -> None:
    one = [event(5), event(3, visitor="v"), event(2, website="blog"), event(1, raw=1), event(0, visitor="")]
    assert steps([*one, event(0, visitor="")], EVERYTHING) == [A] * 6


def test_partitions_are_read_one_after_the_other() -> None:
    order = Order(frozenset())
    assert [
        order.see(0, event(5)),
        order.see(1, event(6)),
        order.see(0, event(6)),
        order.see(1, event(7)),
    ] == [A] * 4


@given(st.lists(st.integers(0, 30), unique=True, min_size=1))
def test_it_is_kept_exactly_where_offsets_go_up(offsets: list[int]) -> None:
    found = steps([event(at) for at in offsets], EVERYTHING)
    assert (found == [A] * len(offsets)) == (offsets == sorted(offsets))
