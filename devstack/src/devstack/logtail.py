"""The end of a log file: shown when a process dies, and by `./dev logs`."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

BLOCK = 64 * 1024


def tail(path: Path, lines: int, begin: int = 0, end: int | None = None) -> str:
    """Return the last `lines` lines, without the final newline; "" when there is no such file.

    Only the bytes from `begin` to `end` count, where those are given.
    Reads at most the last 64 KiB, so it is cheap on a log of any size. Bytes that are
    not UTF-8 are shown as escapes.
    """
    try:
        with path.open("rb") as handle:
            size = handle.seek(0, 2) if end is None else end
            start = handle.seek(max(begin, size - BLOCK))
            text = handle.read(size - start).decode("utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.rstrip("\n").split("\n")[-lines:])


def follow(
    path: Path, position: int = 0, wait: Callable[[], None] = lambda: time.sleep(0.2)
) -> Iterator[str]:
    """Yield what stands after byte `position` and what is appended, for ever; `wait` runs when nothing came.

    A file that was cut or replaced by a shorter one is read from its start again.
    """
    while True:
        size = path.stat().st_size if path.exists() else 0
        position = position if position <= size else 0
        if size == position:
            wait()
            continue
        with path.open("rb") as handle:
            handle.seek(position)
            chunk = handle.read(BLOCK)
        position += len(chunk)
        yield chunk.decode("utf-8", errors="backslashreplace")
