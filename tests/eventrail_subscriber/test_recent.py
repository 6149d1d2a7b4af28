import gc
import tracemalloc
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail_subscriber import EnrichedEvent, RecentEvents, identity
from eventrail_subscriber.recent import BYTES_PER_EVENT

EVENTS = st.builds(
    EnrichedEvent,
    website_id=st.sampled_from(["a", "b"]),
    event_name=st.sampled_from(["", "x"]),
    identity_day=st.integers(0, 1),
    event_id=st.sampled_from(["1", "2", "3"]),
)


def event(number: int) -> EnrichedEvent:
    return EnrichedEvent(website_id="shop", event_name="n", identity_day=1, event_id=f"{number:036d}")


@given(size=st.integers(1, 6), events=st.lists(EVENTS, max_size=60))
def test_an_event_is_known_until_so_many_others_were_added(size: int, events: list[EnrichedEvent]) -> None:
    recent, oracle = RecentEvents(size), OrderedDict[object, None]()
    for one in events:
        assert (one in recent) == (identity(one) in oracle)
        recent.add(one)
        if identity(one) not in oracle:
            oracle[identity(one)] = None
            if len(oracle) > size:
                oracle.popitem(last=False)
        assert one in recent
        assert len(recent) == len(oracle) <= size


def test_what_only_looks_alike_is_another_event() -> None:
    recent = RecentEvents(10)
    first = EnrichedEvent(website_id="a", event_id="1", identity_day=2, event_name="b\0c")
    recent.add(first)
    copy = EnrichedEvent.FromString(first.SerializeToString())
    copy.session_id = "another"
    assert copy in recent
    for other in (
        EnrichedEvent(website_id="b", event_id="1", identity_day=2, event_name="b\0c"),
        EnrichedEvent(website_id="a", event_id="1", identity_day=3, event_name="b\0c"),
        EnrichedEvent(website_id="a", event_id="1", identity_day=2, event_name="b"),
        EnrichedEvent(website_id="a", event_id="11", identity_day=2, event_name="b\0c"),
    ):
        assert other not in recent


def test_an_event_that_failed_is_not_taken_for_done() -> None:
    recent = RecentEvents(10)
    assert event(1) not in recent
    assert event(1) not in recent  # asked twice, never added


@pytest.mark.parametrize("size", [0, -1])
def test_a_window_of_nothing_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="size must be at least 1, and is"):
        RecentEvents(size)


@pytest.mark.parametrize("size", [1000, 20_000])
def test_an_event_costs_no_more_memory_than_is_said(size: int) -> None:
    recent = RecentEvents(size)
    gc.collect()
    tracemalloc.start()
    try:
        highest = 0
        for number in range(3 * size):
            recent.add(event(number))
            if number % 100 == 0:
                highest = max(highest, tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(recent) == size
    assert BYTES_PER_EVENT / 3 < highest / size < BYTES_PER_EVENT
