"""What a spool's folder knows of its registration: the spool's id, and whether Kafka has acknowledged it. It blocks.

The mark is made after the first acknowledged report and before the first answer "disk", and goes before the
registration is taken back. So whoever finds the mark may answer from disk, also while Kafka is away: everybody who
asks Kafka is told of this spool.
"""

import os
import re
import secrets
from pathlib import Path
from typing import Final

ID: Final = "spool.id"
MARK: Final = "spool.registered"

_ID: Final = re.compile(r"[0-9a-f]{16}")


class Registration:
    """The registration of the spool in `folder`, which this process has locked. Its methods raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.marked = (folder / MARK).exists() and self._read() is not None
        """Whether Kafka has, or may have, a registration of this spool."""

    def id(self) -> str:
        """16 lower-case hexadecimal characters, drawn by the first process that used this folder."""
        known = self._read()
        if known is not None:
            return known
        drawn = secrets.token_hex(8)
        _write(self._folder / ID, drawn)
        self._sync()
        return drawn

    def mark(self) -> None:
        """Kafka has the registration; it is on disk on return."""
        if not self.marked:
            _write(self._folder / MARK, "")
            self._sync()
            self.marked = True

    def unmark(self) -> None:
        """The registration is about to be taken back; no answer may rest on it any more."""
        self.marked = False
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
