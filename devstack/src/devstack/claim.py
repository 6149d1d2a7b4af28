"""A folder for one process alone: a lock on a file in it, which ends with the process."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.errors import AlreadyRunning


@contextmanager
def claimed(lock: Path, refusal: str) -> Iterator[None]:
    """Hold the file, in a folder that exists. Raises AlreadyRunning(refusal) at once when another has it."""
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(refusal) from None
        yield
