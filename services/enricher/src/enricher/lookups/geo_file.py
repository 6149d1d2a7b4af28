"""The GeoIP database kept fresh: a new version of the file replaces the old one while events go on."""

import asyncio
import stat
from pathlib import Path
from typing import NamedTuple

from enricher.lookups.geo import GeoLookup, open_database
from enricher.lookups.places import Place
from eventrail import logs
from eventrail.errors import ConfigurationError

_log = logs.get(__name__)


class _Version(NamedTuple):
    """What tells one version of a file from another; of the file that symbolic links lead to."""

    device: int
    inode: int
    size: int
    changed_ns: int


class GeoFile:
    """A GeoLookup over the file at `path`, or over nothing while there is no usable one; None means no file is meant.

    Making one reads the file, and never fails for it: it warns, and events get no place until `refresh` finds a
    version that can be used. `file_failures` counts the versions that could not be.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._lookup = GeoLookup(None)
        self._seen = self._tried = self._version()
        self._old_failures = 0
        self._fault = ""
        self.file_failures = 0
        if path:
            self._use(self._load())

    @property
    def database(self) -> str:
        """Type and build time of the version in use, or ""."""
        return self._lookup.database

    @property
    def built_s(self) -> int:
        """When the version in use was built, Unix time in seconds; 0 without one."""
        return self._lookup.built_s

    @property
    def failures(self) -> int:
        """Lookups that met damaged data, in all versions so far."""
        return self._old_failures + self._lookup.failures

    def of(self, packed: bytes) -> Place | None:
        """The place of an address of 4 or 16 bytes; None where it is not known."""
        return self._lookup.of(packed)

    async def refresh(self) -> None:
        """Take the file if it is new, and has not changed between this call and the one before.

        So half of a file that is still being written is not taken. Never raises: a version that cannot be used is
        told once, and the one before stays in use. The change is made in the calling task, between two events.
        """
        if not self._path:
            return
        found = self._version()
        settled, self._seen = found == self._seen, found
        if found is None:
            self._tried = None
            self._tell("the file is not there")
        elif settled and found != self._tried:
            self._tried = found
            self._use(await asyncio.to_thread(self._load))

    def close(self) -> None:
        """Gives the file back; afterwards the lookup must not be asked."""
        self._lookup.close()

    def _version(self) -> _Version | None:
        try:
            found = Path(self._path or "").stat()
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return _Version(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def _load(self) -> GeoLookup | str:
        """The lookup over the file as it is now, or why there is none."""
        before = self._version()
        try:
            lookup = open_database(self._path)
        except ConfigurationError as error:
            return str(error)
        if before != self._version():
            lookup.close()
            return f"GeoIP database {self._path} changed while it was read"
        return lookup

    def _use(self, made: GeoLookup | str) -> None:
        if isinstance(made, str):
            self.file_failures += 1
            self._tell(made)
            return
        replaced, self._lookup = self._lookup, made
        self._old_failures += replaced.failures
        replaced.close()
        if self._fault or replaced.database:
            _log.info("a GeoIP database is in use", database=self.database)
        self._fault = ""

    def _tell(self, fault: str) -> None:
        if fault != self._fault:
            _log.warning(
                "the GeoIP database cannot be used; " + _INSTEAD[bool(self.database)],
                path=self._path,
                why=fault,
            )
        self._fault = fault


_INSTEAD = {True: "the version before it stays in use", False: "events get no place until it can be"}
