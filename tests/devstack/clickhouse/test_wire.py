import random
from io import BytesIO

import pytest
from clickhouse_driver.varint import read_varint, write_varint
from hypothesis import given
from hypothesis import strategies as st

from devstack.clickhouse.errors import ClientGone, WireError
from devstack.clickhouse.wire import Cursor, encode_string, encode_varint


def in_pieces(raw: bytes, seed: int = 0) -> Cursor:
    """A stream that hands out its bytes in pieces of random size, as a socket does."""
    rng, left = random.Random(seed), BytesIO(raw)
    return Cursor(lambda: left.read(rng.randint(1, 7)))


class DriverBuffer(BytesIO):
    """What the driver's reader expects of a buffer."""

    def read_one(self) -> int:
        return self.read(1)[0]


@given(st.integers(0, 2**64 - 1))
def test_varint_is_written_and_read_as_the_driver_does(number: int) -> None:
    written = BytesIO()
    write_varint(number, written)
    assert encode_varint(number) == written.getvalue()
    assert in_pieces(written.getvalue()).varint() == number
    assert read_varint(DriverBuffer(encode_varint(number))) == number


def test_varint_of_eleven_bytes_is_refused() -> None:
    with pytest.raises(WireError, match="ten bytes"):
        Cursor(lambda: b"\xff" * 11).varint()


@given(st.lists(st.binary(max_size=400)), st.integers())
def test_strings_are_skipped_to_their_very_end(strings: list[bytes], seed: int) -> None:
    raw = b"".join(map(encode_string, strings))
    cursor = in_pieces(raw + b"end", seed)
    cursor.skip_strings(len(strings))
    assert cursor.taken() == raw
    assert cursor.read(3) == b"end"


@given(st.lists(st.text(max_size=200)), st.integers())
def test_strings_are_read_back(texts: list[str], seed: int) -> None:
    cursor = in_pieces(b"".join(map(encode_string, texts)), seed)
    assert [cursor.string(4096) for _ in texts] == texts


def test_taken_counts_from_begin() -> None:
    cursor = in_pieces(b"abcdef")
    cursor.skip(2)
    cursor.begin()
    assert cursor.uint(2) == int.from_bytes(b"cd", "little")
    assert cursor.taken() == b"cd"
    assert cursor.read(2) == b"ef"


@pytest.mark.parametrize(
    ("raw", "text"), [(b"\x05abc", "5 bytes"), (b"\x02\xff\xfe", "UTF-8")], ids=["long", "no UTF-8"]
)
def test_a_bad_string_is_refused(raw: bytes, text: str) -> None:
    with pytest.raises(WireError, match=text):
        in_pieces(raw).string(4)


def test_a_size_over_the_limit_is_refused_before_anything_is_read() -> None:
    def never() -> bytes:
        pytest.fail("read on")

    with pytest.raises(WireError, match="limit of 100"):
        Cursor(never, limit=100).skip(101)


def test_the_end_in_the_middle_of_a_value_is_a_client_that_went_away() -> None:
    with pytest.raises(ClientGone):
        in_pieces(b"\x09abc").string(100)


def test_encoded_string_is_what_the_driver_reads() -> None:
    assert encode_string("é") == b"\x02\xc3\xa9"
    assert encode_string(b"\x00") == b"\x01\x00"
