"""What a spool's folder knows of its registration: the spool's id, and whether Kafka has acknowledged it. It blocks.

The mark is made after the first acknowledged report and before the first answer "disk", and goes before the
registration is taken back. So whoever finds the mark may answer from disk, also while Kafka is away: everybody who
asks Kafka is told of this spool.
"""

import os
import re
import secrets
import threading
from pathlib import Path
from typing import Final

ID: Final = "spool.id"
MARK: Final = "spool.registered"

_ID: Final = re.compile(r"[0-9a-f]{16}")


class Registration:
    """The registration of the spool in `folder`, which this process has locked. Its methods raise OSError.

    Threads may call them at the same time: whatever is under way when it is unmarked, it stays so.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Read once: a disk that hangs later does not keep an empty spool from saying that it is empty.
        self._id = self._read()
        self.marked = (folder / MARK).exists() and self._id is not None
        """Whether Kafka has, or may have, a registration of this spool."""
        self._lock = threading.Lock()
        self._ended = False

    def id(self) -> str:
        """16 lower-case hexadecimal characters, drawn by the first process that used this folder."""
        if self._id is None:
            self._id = self._read() or self._drawn()
        return self._id

    def _drawn(self) -> str:
        drawn = secrets.token_hex(8)
        _write(self._folder / ID, drawn)
        self._sync()
        return drawn

    def mark(self) -> None:
        """Kafka has the registration; it is on disk on return. Does nothing after an `unmark`."""
        with self._lock:
            if not self.marked and not self._ended:
                _write(self._folder / MARK, "")
                self._sync()
                self.marked = True

    def unmark(self) -> None:
        """The registration is about to be taken back, for good; no answer may rest on it any more."""
        with self._lock:
            self.marked, self._ended = False, True
            (self._folder / MARK).unlink(missing_ok=True)
            self._sync()

    def _read(self) -> str | None:
        try:
            text = (self._folder / ID).read_text(encoding="ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return text if _ID.fullmatch(text) else None

    def _sync(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(path: Path, text: str) -> None:
    # Under another name first: what stands under this one is whole.
    made = path.with_name(f"{path.name}.new")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
