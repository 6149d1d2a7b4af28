"""`websites.yaml` kept fresh: a changed file replaces the websites, a broken one does not."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from eventrail import logs
from eventrail.errors import ConfigurationError
from eventrail.health import OK
from eventrail.websites.listing import ListedWebsites, OpenWebsites
from eventrail.websites.model import Website
from eventrail.websites.reading import read
from eventrail.websites.settings import WebsitesSettings
from eventrail.websites.yaml_tree import MAX_BYTES

POLL_SECONDS: Final = 1.0

_log = logs.get(__name__)


class _Version(NamedTuple):
    """What tells one version of a file from another; of the file that symbolic links lead to."""

    device: int
    inode: int
    size: int
    written_ns: int
    changed_ns: int


class WebsitesFile:
    """The websites of the file at `path`; `reload` and `watch` replace them, always as a whole.

    Making one reads the file: raises ConfigurationError where it is missing or wrong. Reads may come from any
    thread and never wait for a reload.
    """

    open = False

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._seen = self._tried = _version(self._path)
        self._current = read_file(self._path)
        self._fault: str | None = None

    def find(self, website_id: str) -> Website | None:
        """The website with this id in the version that is in use now."""
        return self._current.find(website_id)

    def snapshot(self) -> ListedWebsites:
        """The version that is in use now; it never changes."""
        return self._current

    @property
    def fault(self) -> str | None:
        """Why the newest version of the file is not in use, in one line; None while it is."""
        return self._fault

    async def check(self) -> str:
        """The line for `/readyz`."""
        return f"an older version is in use, the newest is not: {self._fault}" if self._fault else OK

    async def watch(self) -> None:
        """Look at the file each second, for ever; cancel it to stop."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await asyncio.to_thread(self.reload)

    def reload(self) -> None:
        """Take the file if it has changed since it was read, and has not changed since the last call.

        So half of a file that is still being written is not read. Never raises: a version that cannot be used
        is logged once, as an error, and kept out. Call it from one thread at a time.
        """
        try:
            found = _version(self._path)
        except ConfigurationError as error:
            if self._tried is not None:
                self._keep_old(error)
            self._seen = self._tried = None
            return
        if found == self._seen and found != self._tried:
            self._tried = found
            self._take()
        self._seen = found

    def _take(self) -> None:
        try:
            self._current = read_file(self._path)
        except ConfigurationError as error:
            self._keep_old(error)
            return
        self._fault = None
        _log.info("websites reloaded", websites=len(self._current.all))

    def _keep_old(self, error: ConfigurationError) -> None:
        first, *more = str(error).split("\n")
        self._fault = f"{first} (and {len(more):,} more)" if more else first
        _log.error("the new websites file is not in use; the last good one is", problems=str(error))


def open_websites(settings: WebsitesSettings) -> OpenWebsites | WebsitesFile:
    """The websites of this installation.

    Raises ConfigurationError where the named file is missing or wrong, or where there must be one and none is named.
    """
    if settings.require_websites and not settings.websites:
        raise ConfigurationError(
            "EVENTRAIL_WEBSITES is not set, so any website id would be taken and no key asked for, but "
            "EVENTRAIL_REQUIRE_WEBSITES is true; set it to the path of websites.yaml"
        )
    try:
        return WebsitesFile(settings.websites) if settings.websites else OpenWebsites()
    except ConfigurationError as error:
        raise ConfigurationError(f"EVENTRAIL_WEBSITES: the file cannot be used\n{error}") from None


def describe(websites: OpenWebsites | WebsitesFile) -> str:
    """For the line that a service logs when it starts."""
    if isinstance(websites, OpenWebsites):
        return "open: every website id is accepted (EVENTRAIL_WEBSITES is not set)"
    return f"{len(websites.snapshot().all)} listed"


@asynccontextmanager
async def watched(websites: OpenWebsites | WebsitesFile) -> AsyncIterator[None]:
    """Keep `websites` fresh for as long as the block runs."""
    if isinstance(websites, OpenWebsites):
        yield
        return
    watching = asyncio.create_task(websites.watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def read_file(path: Path) -> ListedWebsites:
    """The websites of the file at `path`. Raises ConfigurationError, with a line for each problem."""
    _version(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    return read(content, str(path))


def _version(path: Path) -> _Version | None:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"{path}: is no regular file")
    return _Version(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _unreadable(path: Path, error: Exception) -> ConfigurationError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ConfigurationError(f"{path}: cannot be read: {reason}")
