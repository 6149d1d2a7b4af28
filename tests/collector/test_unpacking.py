import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.refusals import Refused
from collector.unpacking import MAX_MEMBERS, gunzip

PACKED = gzip.compress(b'{"a":1}' * 20)


def refusal(packed: bytes, most: int = 1000) -> Refused:
    with pytest.raises(Refused) as caught:
        gunzip(packed, most)
    return caught.value


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(0, 9))
def test_what_was_packed_comes_out_also_of_several_streams(pieces: list[bytes], level: int) -> None:
    packed = b"".join(gzip.compress(piece, level) for piece in pieces)
    plain = b"".join(pieces)
    assert gunzip(packed, len(plain)) == plain
    if plain:
        assert refusal(packed, len(plain) - 1).kind.status == 413


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda end: PACKED + end))
def test_any_bytes_are_unpacked_or_refused(packed: bytes) -> None:
    with contextlib.suppress(Refused):
        assert len(gunzip(packed, 200)) <= 200


@pytest.mark.parametrize("cut", range(len(PACKED)))
def test_a_stream_that_ends_too_early_is_refused(cut: int) -> None:
    refused = refusal(PACKED[:cut])
    assert (refused.kind.status, refused.kind.code) == (400, "invalid_encoding")
    assert "too early" in refused.message


@pytest.mark.parametrize(
    "packed",
    [
        b"{}",
        PACKED + b"\0",
        PACKED + b"{}",
        zlib.compress(b"{}"),
        PACKED[:-8] + b"\0" * 8,
        PACKED[:30] + b"\xff" + PACKED[31:],
    ],
    ids=["no gzip", "padded", "garbage after it", "zlib", "wrong checksum", "damaged"],
)
def test_what_is_not_gzip_all_through_is_refused(packed: bytes) -> None:
    assert refusal(packed).kind.code == "invalid_encoding"


def test_the_number_of_streams_is_bounded() -> None:
    assert gunzip(gzip.compress(b"") * MAX_MEMBERS, 0) == b""
    assert "100 gzip streams" in refusal(gzip.compress(b"") * (MAX_MEMBERS + 1)).message


def test_a_bomb_costs_no_memory() -> None:
    bomb = gzip.compress(b"0" * 60_000_000)
    tracemalloc.start()
    try:
        assert refusal(bomb, 102_400).kind.code == "body_too_large"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
