"""Events on disk: one SQLite file for each client, in a folder for each website.

SQLite locks the file as long as its client lives, in whatever way that ends, so each file has one owner. A client that
starts takes over what it finds unlocked: so each event is sent by one process, and survives all of them.
"""

import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from eventrail_client.events import Event

SUFFIX: Final = ".sqlite3"
DAMAGED: Final = ".damaged"
_TRIES: Final = 10
_OF_OTHERS: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY_DBMOVED)

_log = logging.getLogger("eventrail_client")

# The lock is not given back between transactions, so that others see that the owner lives. A journal that is
# cut and not deleted makes it harmless that a forked child closes what it inherited.
_SETTINGS: Final = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = TRUNCATE;
"""
_TABLE: Final = (
    "CREATE TABLE events (number INTEGER PRIMARY KEY, event_id TEXT, event_name TEXT, member BLOB)"
)
_EVENTS: Final = "SELECT event_id, event_name, member FROM events ORDER BY number"


class Spool:
    """A new file in `folder`, which is made where it is not there. All of it blocks, and is for one thread.

    Raises sqlite3.Error or OSError where the disk does not do what it should.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Until a new file is locked, who starts at the same time may take it for one without an owner.
        for _ in range(_TRIES - 1):
            with suppress(_TakenAway):
                self.path, self._file = _owned(folder)
                return
        self.path, self._file = _owned(folder)

    def write(self, kept: Mapping[int, Event], forgotten: AbstractSet[int]) -> None:
        """Put the events of `kept` on disk, by their numbers, and take those in `forgotten` off it; all or nothing."""
        self._file.execute("BEGIN")
        try:
            rows = ((number, one.event_id, one.event_name, one.member) for number, one in kept.items())
            self._file.executemany("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?)", rows)
            self._file.executemany("DELETE FROM events WHERE number = ?", ((number,) for number in forgotten))
            self._file.execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def take_over(self, take: Callable[[Iterable[Event]], None]) -> None:
        """Hand the events of each file without an owner to `take`, and remove it afterwards."""
        for path in self._others():
            try:
                with closing(_open(path, "rw")) as left:
                    _empty(left, take)
                    _remove(path)
            except sqlite3.OperationalError:
                continue  # locked: its owner lives
            except sqlite3.DatabaseError:
                aside = path.rename(path.with_suffix(DAMAGED))
                _log.exception("a file of the spool is damaged; it was put aside as %s", aside)

    def close(self) -> None:
        """Give the file back: with the events that are in it to the next client, else to nobody."""
        (left,) = self._file.execute("SELECT count(*) FROM events").fetchone()
        self._file.close()
        if not left:
            _remove(self.path)

    def _others(self) -> Iterator[Path]:
        return (path for path in sorted(self._folder.glob(f"*{SUFFIX}")) if path != self.path)


class _TakenAway(OSError):
    """Another process was quicker: it has a file, or has removed it."""


def _owned(folder: Path) -> tuple[Path, sqlite3.Connection]:
    """A new file that is locked. Raises _TakenAway."""
    path = folder / f"{secrets.token_hex(8)}{SUFFIX}"
    file = _open(path, "rwc")
    try:
        file.executescript(_SETTINGS)
        file.execute(_TABLE)
        if not path.exists():
            raise _TakenAway(f"{path} was taken away")
    except BaseException as error:
        file.close()
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode in _OF_OTHERS:
            raise _TakenAway(f"{path} was taken away: {error}") from error
        raise
    return path, file


def _open(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, timeout=0, isolation_level=None, check_same_thread=False, uri=True)


def _empty(file: sqlite3.Connection, take: Callable[[Iterable[Event]], None]) -> None:
    file.execute("BEGIN EXCLUSIVE")
    if file.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
        take([Event(*row) for row in file.execute(_EVENTS)])
        # Another process may have opened the file before it is removed, and waits for nothing but the lock.
        file.execute("DELETE FROM events")
    file.execute("COMMIT")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
