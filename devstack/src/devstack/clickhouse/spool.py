"""A file in memory that the engine can open by name.

Rows of an INSERT go through such a file because the engine's other doors lose data: its streaming insert
hides errors of the table, and bytes inside a statement are cut at the first empty line.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from devstack.clickhouse.errors import MEMORY_LIMIT_EXCEEDED, ServerError
from devstack.clickhouse.wire import MAX_HELD_BYTES


class Spool:
    """Holds the rows of one INSERT until all of them are there; a context manager."""

    def __init__(self, limit: int = MAX_HELD_BYTES) -> None:
        self._limit = limit
        self._unlink: Path | None = None
        if hasattr(os, "memfd_create"):
            self._fd = os.memfd_create("rows", os.MFD_CLOEXEC)
            self.path = f"/proc/self/fd/{self._fd}"
        else:
            self._fd, self.path = tempfile.mkstemp(prefix="rows-")
            self._unlink = Path(self.path)
        self.size = 0

    def write(self, raw: bytes) -> None:
        """Append these bytes. Raises ServerError when the INSERT gets too large."""
        self.size += len(raw)
        if self.size > self._limit:
            raise ServerError(
                MEMORY_LIMIT_EXCEEDED,
                f"an INSERT of more than {self._limit} bytes: send it in several statements",
            )
        left = memoryview(raw)
        while left:
            left = left[os.write(self._fd, left) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)
        if self._unlink is not None:
            self._unlink.unlink(missing_ok=True)
