from hypothesis import given
from hypothesis import strategies as st

from collector.sinks.chunks import frame, pack
from eventrail.contract.codec import decode_raw
from eventrail.contract.v1.raw_pb2 import RawEvent


@given(st.lists(st.text(max_size=300), min_size=1, max_size=20))
def test_frames_behind_each_other_are_the_message(names: list[str]) -> None:
    events = [RawEvent(website_id="shop", event_name=name) for name in names]
    value = b"".join(frame(event.SerializeToString()) for event in events)
    assert list(decode_raw(value)) == events


def test_the_length_is_a_varint_at_all_its_sizes() -> None:
    for size in (0, 1, 127, 128, 16_383, 16_384, 300_000):
        event = RawEvent(event_data="x" * size)
        assert list(decode_raw(frame(event.SerializeToString()))) == [event]


@given(st.lists(st.binary(max_size=30), max_size=30), st.integers(1, 5), st.integers(1, 60))
def test_chunks_keep_order_and_bounds(frames: list[bytes], max_events: int, max_bytes: int) -> None:
    chunks, places = pack(frames, max_events, max_bytes)
    assert b"".join(chunks) == b"".join(frames)
    for number, chunk in enumerate(chunks):
        held = [item for item, place in zip(frames, places, strict=True) if place == number]
        assert b"".join(held) == chunk
        assert 1 <= len(held) <= max_events
        assert len(chunk) <= max_bytes or len(held) == 1
    assert places == sorted(places)
