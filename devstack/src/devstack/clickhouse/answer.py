"""The answer to one statement, packet by packet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from devstack.clickhouse import blocks, compression, protocol
from devstack.clickhouse.errors import WireError
from devstack.clickhouse.protocol import Progress


class Answer:
    """What goes back to the client for one statement, and what was counted on the way."""

    def __init__(self, send: Callable[[bytes], None], *, compressed: bool) -> None:
        self._send = send
        self._compressed = compressed
        self._told = Progress()
        self.blocks = 0
        self.written = 0
        self._rows = 0
        self._bytes = 0

    def header(self, columns: Sequence[tuple[str, str]]) -> None:
        """Send a block without rows: clients take names and types from it and from no other."""
        self._data(blocks.header(columns))

    def block(self, native: bytes) -> None:
        """Send a Native block as a Data packet; before the first one goes its header."""
        if not self.blocks:
            # A type that cannot be stepped over cannot be read by clients of this revision either.
            with suppress(WireError, StopIteration):
                self.header(next(blocks.split(native)).columns)
        self.blocks += 1
        self._rows += blocks.row_count(native)
        self._bytes += len(native)
        self._data(native)

    def _data(self, native: bytes) -> None:
        block = blocks.INFO + native
        self._send(protocol.data(compression.compress(block) if self._compressed else block))

    def progress(self, done: dict[str, int]) -> None:
        """Send what was read since the last call; `done` counts from the start."""
        now = Progress(done["read_rows"], done["read_bytes"], done["total_rows_to_read"])
        told, self._told = self._told, now
        step = Progress(
            max(0, now.rows - told.rows),
            max(0, now.bytes - told.bytes),
            max(0, now.total_rows - told.total_rows),
        )
        # An engine that calls back must not see the client's troubles; the next block will.
        with suppress(OSError):
            self._send(protocol.progress(step))

    def end(self, written_bytes: int) -> None:
        """Send the summary and the end of the answer."""
        if self.written:
            done = Progress(written_rows=self.written, written_bytes=written_bytes)
            self._send(protocol.progress(done))
        else:
            self._send(protocol.profile_info(self._rows, self.blocks, self._bytes))
        self._send(protocol.END_OF_STREAM)
