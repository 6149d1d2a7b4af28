"""The spool on disk: events in the order of their arrival, in one SQLite file. It blocks; one thread at a time uses it.

SQLite in WAL mode with synchronous=FULL: what a commit has returned for is behind an fsync, and a process that dies in
the middle of a write leaves a file that opens without that write (https://www.sqlite.org/wal.html).
"""

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from collector.sinks import Placed
from collector.sinks.spool_registration import ID, MARK
from eventrail import logs
from eventrail.clock import Clock
from eventrail.errors import ConfigurationError, EventrailError

_log = logs.get(__name__)

NAME: Final = "spool.sqlite3"
LOCK: Final = "spool.lock"
EVENT_COST: Final = 48
"""Bytes that an event takes in the file beside its own, about."""

_VARIABLE: Final = "EVENTRAIL_COLLECTOR_SPOOL"
_OURS: Final = 0x45565350
_VERSION: Final = 1
_PAGE_BYTES: Final = 4096
_LOG_BYTES: Final = 4 * 1024 * 1024
_SMALL_BYTES: Final = 256 * 1024
_SAVED_AT_ONCE: Final = 100
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_DATABASE: Final = (NAME, f"{NAME}-wal", f"{NAME}-shm", f"{NAME}-journal")
_REGISTRATION: Final = (ID, f"{ID}.new", MARK, f"{MARK}.new")
_EXPECTED: Final = frozenset((LOCK, *_DATABASE, *_REGISTRATION, "lost+found"))
_ASIDE: Final = f"{NAME}.damaged-"

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY, -- order of arrival, from 1
  key INTEGER NOT NULL,    -- the partition hash, as a signed number
  at INTEGER NOT NULL,     -- when it was put here: Unix milliseconds
  crc INTEGER NOT NULL,    -- CRC-32 of value; SQLite itself does not notice a changed byte
  value BLOB NOT NULL      -- a serialized RawEvent
)"""


class SpoolFull(EventrailError):
    """The spool holds as much as it may; nothing of what was to be written is in it."""


class SpoolBroken(EventrailError):
    """The spool cannot be read or written now (disk full, disk error); nothing of what was to be written is in it."""


class _Damaged(SpoolBroken):
    """The file is not what was written."""


class Stored(NamedTuple):
    """An event with its place in the order of arrival."""

    seq: int
    event: Placed


class Held(NamedTuple):
    """What is in the spool: events, bytes of the file that are in use, Unix milliseconds of its oldest event.

    `kept` events are in the file beside them: they are done with, but the disk did not let them be taken out.
    `asides`: damaged files out of which nothing was saved yet.
    """

    events: int
    bytes: int
    oldest_ms: int | None
    kept: int = 0
    asides: int = 0


class _Aside(NamedTuple):
    """A damaged file that was set aside: how many events it held, and up to which place they are done with."""

    path: Path
    reason: str
    events: int
    done: int


class SpoolFile:
    """The spool in `folder`, which it locks for itself, with at most `max_bytes` in its file.

    SQLite's log beside it has up to about 8 MiB more. Raises ConfigurationError where the folder cannot be used: not
    writable, of another program, locked by another collector. A damaged file is set aside under another name, now
    and later: an ERROR names it, and the spool goes on with a new one that holds what could be read of the old.
    """

    def __init__(self, folder: Path, max_bytes: int, clock: Clock) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._max_bytes = max_bytes
        self._clock = clock
        self._db: sqlite3.Connection | None = None
        self._next = 1
        self._events = self._used = self._kept = 0
        self._done = 0
        """What is in the file up to this place is kept, and no more in the spool."""
        self._asides: list[_Aside] = []
        """Those of which nothing was saved yet."""
        self._oldest: int | None = None
        self._lock = _locked(folder)
        try:
            self._open_first()
        except BaseException as error:
            self.close()
            if isinstance(error, SpoolBroken):
                raise _unusable(folder, str(error)) from error
            raise

    def write(self, events: Sequence[Placed], forget: int = 0) -> None:
        """Put `events` behind the others and take out those up to place `forget`; all of it is on disk on return.

        Raises SpoolFull or SpoolBroken, then neither was done.
        """
        try:
            self._reopen()
            self._write(events, forget)
        except _Damaged as damage:
            self._set_aside(str(damage), forget)
            self._reopen()
            self._write(events, 0)

    def keep(self, upto: int) -> None:
        """The events up to place `upto` are done with but cannot be taken out now: count them as kept.

        The next write takes them out. Where the file holds no others, an empty one takes its place, which needs no
        room: to take rows out of a file on a full disk does. Raises SpoolBroken; then they count as before.
        """
        self._reopen()
        try:
            more = self._count(self._done, upto)
            self._kept, self._done = self._kept + more, max(self._done, upto)
            self._measure()
        except sqlite3.Error as error:
            raise SpoolBroken(str(error)) from error
        if more and self._kept == self._events:
            self._replace()

    def read(self, after: int, max_events: int, max_bytes: int) -> list[Stored]:
        """Events behind place `after` in their order: at least one where there is one, up to the given bounds.

        Raises SpoolBroken. Empty also where the file was found damaged; what was saved of it is read the next time.
        """
        try:
            self._reopen()
            return self._read(after, max_events, max_bytes)
        except _Damaged as damage:
            self._set_aside(str(damage))
            self._reopen()
            return []

    def held(self) -> Held:
        """What is in it now."""
        return Held(self._events - self._kept, self._used, self._oldest, self._kept, len(self._asides))

    def shrink(self) -> None:
        """Give the disk back what an empty spool does not need; does nothing while it holds events."""
        if self._db is None or self._events or self._on_disk() <= _SMALL_BYTES:
            return
        try:
            self._open_db.execute("VACUUM")
            self._open_db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            _log.warning("the empty spool could not be made smaller, nothing is lost", reason=str(error))
        self._measure()

    def close(self) -> None:
        """Close the file and give the folder free; what it holds stays."""
        self._shut()
        self._lock.close()

    def _shut(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def _write(self, events: Sequence[Placed], forget: int) -> None:
        forget = max(forget, self._done if self._kept else 0)
        try:
            self._open_db.execute("BEGIN IMMEDIATE")
            gone = (
                self._open_db.execute("DELETE FROM events WHERE seq <= ?", (forget,)).rowcount
                if forget
                else 0
            )
            self._open_db.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", self._rows(events))
            self._open_db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise _named(error) from error
        self._next += len(events)
        self._events += len(events) - gone
        if forget:
            self._kept, self._done = 0, max(self._done, forget)
        self._measure()

    def _rows(self, events: Sequence[Placed]) -> Iterable[tuple[int, int, int, int, bytes]]:
        now = self._clock.now_ms()
        for seq, (key, value) in enumerate(events, self._next):
            yield seq, key - (key >> 63 << 64), now, zlib.crc32(value), value

    def _roll_back(self) -> None:
        if self._open_db.in_transaction:
            self._open_db.execute("ROLLBACK")

    def _read(self, after: int, max_events: int, max_bytes: int) -> list[Stored]:
        found: list[Stored] = []
        size = 0
        query = "SELECT seq, key, crc, value FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        try:
            for seq, key, crc, value in self._open_db.execute(query, (after, max_events)):
                if zlib.crc32(value) != crc:
                    raise _Damaged(f"event {seq} is not what was written")
                size += len(value) + EVENT_COST
                if found and size > max_bytes:
                    break
                found.append(Stored(seq, Placed(key % (1 << 64), value)))
        except sqlite3.Error as error:
            raise _named(error) from error
        return found

    def _on_disk(self) -> int:
        paths = (self._path, Path(f"{self._path}-wal"))
        return sum(path.stat().st_size for path in paths if path.exists())

    def _measure(self) -> None:
        pages, free = (self._number(f"PRAGMA {name}") for name in ("page_count", "freelist_count"))
        self._used = (pages - free) * _PAGE_BYTES if self._events else 0
        first = self._open_db.execute(
            "SELECT at FROM events WHERE seq > ? ORDER BY seq LIMIT 1", (self._done,)
        ).fetchone()
        self._oldest = first[0] if first else None

    def _count(self, after: int, upto: int) -> int:
        query = "SELECT count(*) FROM events WHERE seq > ? AND seq <= ?"
        return int(self._open_db.execute(query, (after, upto)).fetchone()[0])

    def _number(self, query: str) -> int:
        return int(self._open_db.execute(query).fetchone()[0] or 0)

    @property
    def _open_db(self) -> sqlite3.Connection:
        if self._db is None:
            raise SpoolBroken("the spool is closed")
        return self._db

    def _open_first(self) -> None:
        try:
            self._open()
        except _Damaged as damage:
            self._set_aside(str(damage))
            self._open()
            self._save_all()

    def _reopen(self) -> None:
        """Open the file where a damage or a full disk left none open, and save what was set aside."""
        if self._db is not None or self._lock.closed:
            return
        try:
            self._open()
        except (ConfigurationError, OSError) as error:
            self._shut()
            raise SpoolBroken(f"the spool cannot be opened again: {error}") from error
        self._save_all()

    def _open(self) -> None:
        try:
            self._db = _connected(self._path, self._max_bytes)
            self._kept = self._count(0, self._done)
            self._events = self._number("SELECT count(*) FROM events")
            # Never a place twice in one process, also not after a damage: whoever reads along stays in order.
            self._next = max(self._next, self._number("SELECT max(seq) FROM events") + 1)
            self._measure()
        except sqlite3.Error as error:
            self._shut()
            named = _named(error)
            if isinstance(named, _Damaged):
                raise named from error
            raise _unusable(self._folder, str(error)) from error
        _sync_folder(self._folder)

    def _replace(self) -> None:
        self._shut()
        try:
            # The file first: to a log without its file SQLite pays no heed.
            for path in (self._path, Path(f"{self._path}-wal")):
                path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the spool's file cannot be replaced, nothing is lost", reason=str(error))
        self._reopen()

    def _set_aside(self, reason: str, forget: int = 0) -> None:
        """Put the damaged file away; from here on none is open. Raises SpoolBroken where that cannot be done."""
        events, done = self._events, max(self._done, forget)
        self._shut()
        try:
            aside = self._renamed()
        except OSError as error:
            raise SpoolBroken(f"{reason}; and it cannot be set aside: {error}") from error
        self._events = self._kept = 0
        self._asides.append(_Aside(aside, reason, events, done))

    def _renamed(self) -> Path:
        when = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = self._folder / f"{_ASIDE}{when}"
        # The log goes with it: it holds what was not yet moved into the file.
        for ending in ("", "-wal"):
            found = Path(f"{self._path}{ending}")
            if found.exists():
                found.rename(f"{aside}{ending}")
        return aside

    def _save_all(self) -> None:
        while self._asides:
            aside = self._asides.pop(0)
            _log.error(
                "the spool was damaged: the file is set aside, and what could be read of it goes on",
                file=str(aside.path),
                reason=aside.reason,
                events=aside.events or "unknown",
                saved=self._save(aside.path, aside.done),
            )

    def _save(self, aside: Path, done: int) -> int:
        """Copy the events of a damaged file that are as they were written; returns how many."""
        saved = 0
        try:
            with closing(sqlite3.connect(f"{aside.absolute().as_uri()}?mode=ro", uri=True)) as old:
                rows = old.execute("SELECT key, crc, value FROM events WHERE seq > ? ORDER BY seq", (done,))
                while some := rows.fetchmany(_SAVED_AT_ONCE):
                    good = [
                        Placed(key % (1 << 64), value) for key, crc, value in some if zlib.crc32(value) == crc
                    ]
                    self._write(good, 0)
                    saved += len(good)
        except (sqlite3.Error, SpoolFull, SpoolBroken, TypeError) as error:
            _log.warning("not all of a damaged spool can be read", file=str(aside), reason=str(error))
        return saved


def _locked(folder: Path) -> BinaryIO:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_foreign(folder)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(folder, error.strerror or repr(error)) from error
    lock = os.fdopen(descriptor, "r+b", buffering=0)
    try:
        # Held as long as the process lives, however it ends.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise _unusable(folder, "another collector uses it") from error
    return lock


def _refuse_foreign(folder: Path) -> None:
    names = (found.name for found in folder.iterdir())
    foreign = sorted(name for name in names if name not in _EXPECTED and not name.startswith(_ASIDE))
    if foreign:
        raise _unusable(folder, f"it holds what is not of a spool ({', '.join(foreign[:3])})")


def _unusable(folder: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{_VARIABLE}: {folder} cannot be used: {reason}. Give each collector a folder of its own that it may write to."
    )


def _connected(path: Path, max_bytes: int) -> sqlite3.Connection:
    if not path.exists():
        path.touch(mode=0o600)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _prepare(db, max_bytes)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, max_bytes: int) -> None:
    # In exclusive mode no other process reads along, and SQLite keeps the index of its log in memory.
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    _refuse_other(db)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA fullfsync = ON")  # macOS alone: its fsync does not reach the disk
    db.execute("PRAGMA checkpoint_fullfsync = ON")
    db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise _Damaged(found)
    if _written_by(db) != (_OURS, _VERSION):  # a file that is ready is only read here: its disk may be full
        db.execute("BEGIN IMMEDIATE")
        db.execute(_TABLE)
        db.execute(f"PRAGMA application_id = {_OURS}")
        db.execute(f"PRAGMA user_version = {_VERSION}")
        db.execute("COMMIT")
    db.execute(f"PRAGMA max_page_count = {max_bytes // _PAGE_BYTES}")


def _written_by(db: sqlite3.Connection) -> tuple[int, int]:
    owner, version = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    return owner, version


def _refuse_other(db: sqlite3.Connection) -> None:
    owner, version = _written_by(db)
    if owner not in (0, _OURS):
        raise ConfigurationError(
            f"{_VARIABLE}: {NAME} is a database of another program; give the spool a folder of its own"
        )
    if version > _VERSION:
        raise ConfigurationError(f"{_VARIABLE}: {NAME} was written by a newer collector (version {version})")


def _named(error: sqlite3.Error) -> SpoolFull | SpoolBroken | _Damaged:
    # Extended codes have the plain one in their lowest byte.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGE:
        return _Damaged(str(error))
    if code == sqlite3.SQLITE_FULL:
        return SpoolFull(str(error))
    return SpoolBroken(str(error))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
