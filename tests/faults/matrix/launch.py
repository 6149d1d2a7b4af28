"""Starts a service as `python -m` does, with a clock that a file moves and, for the proof of the matrix, a planted bug.

`python -m tests.faults.matrix.launch SHIFT MODULE [ARGUMENTS]`: SHIFT is a file of 8 bytes, the milliseconds (signed,
little-endian) that are added to the machine's clock at each reading. PLANTED in the environment names a bug of
planted.py.
"""

import mmap
import os
import runpy
import sys
import time
from pathlib import Path

from eventrail.clock import SystemClock
from tests.faults.matrix import planted

BYTES = 8


def write_shift(path: Path, shift_ms: int) -> None:
    """Move the clocks that read `path`; the file keeps its place, so that processes which have it open see it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(descriptor, shift_ms.to_bytes(BYTES, "little", signed=True), 0)
    finally:
        os.close(descriptor)


def move_clock(path: Path) -> None:
    """Let this process's SystemClock follow the file."""
    with path.open("rb") as file:
        shared = mmap.mmap(file.fileno(), BYTES, access=mmap.ACCESS_READ)

    def now_ms(_clock: SystemClock) -> int:
        return time.time_ns() // 1_000_000 + int.from_bytes(shared[:BYTES], "little", signed=True)

    setattr(SystemClock, "now_ms", now_ms)  # noqa: B010 - in the place of the method


def main() -> None:
    shift, module, *arguments = sys.argv[1:]
    move_clock(Path(shift))
    if bug := os.environ.get("PLANTED"):
        planted.BUGS[bug]()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
