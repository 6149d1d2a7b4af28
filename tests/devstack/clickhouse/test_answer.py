from collections.abc import Callable

import pytest

from devstack.clickhouse import blocks, compression, protocol
from devstack.clickhouse.answer import Answer
from devstack.clickhouse.protocol import Progress, ServerPacket
from devstack.clickhouse.wire import Cursor

ROWS = blocks.header([("a", "UInt8")]).replace(b"\x01\x00", b"\x01\x02", 1) + b"\x07\x08"
DONE = {"read_rows": 10, "read_bytes": 80, "total_rows_to_read": 100}


def answered(act: Callable[[Answer], None], *, compressed: bool = False) -> list[bytes]:
    packets: list[bytes] = []
    act(Answer(packets.append, compressed=compressed))
    return packets


def test_a_header_goes_before_the_first_block_only() -> None:
    def act(answer: Answer) -> None:
        answer.block(ROWS)
        answer.block(ROWS)

    head = blocks.header([("a", "UInt8")])
    assert answered(act) == [protocol.data(blocks.INFO + native) for native in (head, ROWS, ROWS)]


def test_a_type_that_cannot_be_stepped_over_is_passed_on_without_header() -> None:
    native = blocks.header([("a", "QBit")]).replace(b"\x01\x00", b"\x01\x01", 1) + b"?"
    assert answered(lambda answer: answer.block(native)) == [protocol.data(blocks.INFO + native)]


def test_blocks_are_compressed_when_the_client_asked() -> None:
    _, packet = answered(lambda answer: answer.block(ROWS), compressed=True)
    cursor = Cursor(iter([packet]).__next__)
    assert (cursor.varint(), cursor.string(10)) == (ServerPacket.DATA, "")
    assert compression.read_frame(cursor, lambda _: b"") == blocks.INFO + ROWS


def test_progress_is_told_in_steps() -> None:
    def act(answer: Answer) -> None:
        answer.progress(DONE)
        answer.progress({**DONE, "read_rows": 25, "read_bytes": 200})

    steps = [Progress(10, 80, 100), Progress(15, 120, 0)]
    assert answered(act) == [protocol.progress(step) for step in steps]


def test_a_lost_client_does_not_disturb_the_engine() -> None:
    def gone(_packet: bytes) -> None:
        raise BrokenPipeError

    answer = Answer(gone, compressed=False)
    answer.progress(DONE)
    with pytest.raises(BrokenPipeError):
        answer.block(ROWS)


def test_the_end_sums_up_what_was_read() -> None:
    def act(answer: Answer) -> None:
        answer.block(ROWS)
        answer.block(ROWS)
        answer.end(0)

    assert answered(act)[-2:] == [
        protocol.profile_info(4, 2, 2 * len(ROWS)),
        protocol.END_OF_STREAM,
    ]


def test_the_end_sums_up_what_was_written() -> None:
    def act(answer: Answer) -> None:
        answer.written = 5
        answer.end(99)

    written = protocol.progress(Progress(written_rows=5, written_bytes=99))
    assert answered(act) == [written, protocol.END_OF_STREAM]
