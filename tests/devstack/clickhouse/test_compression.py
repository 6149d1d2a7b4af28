import random
from io import BytesIO

import pytest
from clickhouse_driver.bufferedreader import BufferedReader, CompressedBufferedReader
from clickhouse_driver.compression.lz4 import Compressor
from clickhouse_driver.compression.lz4hc import Compressor as HighCompressor
from clickhouse_driver.context import Context
from clickhouse_driver.streams.compressed import (
    CompressedBlockInputStream,
    CompressedBlockOutputStream,
)
from hypothesis import given
from hypothesis import strategies as st

from devstack.clickhouse.compression import STORED, ZSTD, _checksum, compress, read_frame
from devstack.clickhouse.errors import WireError
from devstack.clickhouse.wire import Cursor


def no_zstd(packed: bytes) -> bytes:
    pytest.fail(f"asked to decode {packed!r}")


def cursor_on(raw: bytes) -> Cursor:
    left, rng = BytesIO(raw), random.Random(7)
    return Cursor(lambda: left.read(rng.randint(1, 30)))


def frame_of(method: int, packed: bytes, raw_size: int) -> bytes:
    size = (len(packed) + 9).to_bytes(4, "little")
    frame = bytes((method,)) + size + raw_size.to_bytes(4, "little") + packed
    return _checksum(frame) + frame


class SourceReader(BufferedReader):  # type: ignore[misc]
    """The driver's reader on bytes instead of a socket."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        super().__init__(len(raw) + 1)

    def read_into_buffer(self) -> None:
        if not self.raw:
            raise EOFError
        self.buffer, self.raw = bytearray(self.raw), b""
        self.current_buffer_size = len(self.buffer)


@given(st.binary(max_size=5000))
def test_frames_of_this_server_are_read_back(raw: bytes) -> None:
    cursor = cursor_on(compress(raw) + b"next")
    assert read_frame(cursor, no_zstd) == raw
    assert cursor.read(4) == b"next"


@pytest.mark.parametrize("compressor", [Compressor, HighCompressor])
@given(raw=st.binary(max_size=5000))
def test_frames_of_the_driver_are_read(compressor: type[Compressor], raw: bytes) -> None:
    sink = BytesIO()
    stream = CompressedBlockOutputStream(compressor, 1000, sink, Context())
    stream.fout.write(raw)
    stream.fout.flush()
    stream.raw_fout = sink
    sink.flush = lambda: None  # type: ignore[method-assign]
    stream.finalize()
    assert read_frame(cursor_on(sink.getvalue()), no_zstd) == raw


@given(st.binary(min_size=1, max_size=5000))
def test_the_driver_reads_frames_of_this_server(raw: bytes) -> None:
    reader = SourceReader(compress(raw))
    stream = CompressedBlockInputStream(reader, Context())
    assert isinstance(stream.fin, CompressedBufferedReader)
    assert stream.read_block() == raw


def test_zstd_is_handed_to_its_decoder() -> None:
    frame = frame_of(ZSTD, b"packed", 3)
    assert read_frame(cursor_on(frame), lambda packed: {b"packed": b"raw"}[packed]) == b"raw"


def test_stored_bytes_are_taken_as_they_are() -> None:
    assert read_frame(cursor_on(frame_of(STORED, b"raw", 3)), no_zstd) == b"raw"


@given(st.binary(min_size=1, max_size=200), st.data())
def test_one_changed_bit_is_noticed(raw: bytes, data: st.DataObject) -> None:
    frame = bytearray(compress(raw))
    place = data.draw(st.integers(0, len(frame) * 8 - 1))
    # Changed sizes may ask for bytes that never come; what is told apart here is damage.
    if 17 * 8 <= place < 25 * 8:
        place = 0
    frame[place // 8] ^= 1 << place % 8
    with pytest.raises(WireError, match="checksum"):
        read_frame(cursor_on(bytes(frame)), no_zstd)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (frame_of(0x99, b"x", 1), "method 0x99"),
        (frame_of(STORED, b"abc", 2), "announced 2"),
        (frame_of(0x82, b"\xff\xff\xff", 100), "lz4"),
        (bytes(16) + b"\x82" + (4).to_bytes(4, "little") + bytes(4), "4 bytes"),
        (bytes(16) + b"\x82" + b"\xff" * 8, "4294967295"),
    ],
    ids=["method", "size", "lz4", "too small", "too large"],
)
def test_a_damaged_frame_is_refused(frame: bytes, text: str) -> None:
    with pytest.raises(WireError, match=text):
        read_frame(cursor_on(frame), no_zstd)
