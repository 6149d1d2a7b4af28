"""A disk of its own for an engine, small enough to be filled.

Where the system lets a process mount, it is a tmpfs in a mount namespace of the engine: nothing is left of it when
the engine has ended. Elsewhere the engine's files are kept from growing, which its writes take for a full disk.
"""

import resource
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

MEBIBYTE = 1024 * 1024
_SIZE = 192 * MEBIBYTE


@dataclass
class SmallDisk:
    """A disk that is there once the command behind `prefix` runs, and was told its pid by `opened`."""

    kind: str
    prefix: tuple[str, ...]
    folder: Path
    _pid: int | None = None
    _limits: tuple[int, int] = field(default=(resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def opened(self, pid: int) -> None:
        self._pid = pid

    def fill(self) -> None:
        """Take all that is left."""
        if self.kind == "limit":
            self._limits = resource.prlimit(self._process, resource.RLIMIT_FSIZE)
            resource.prlimit(self._process, resource.RLIMIT_FSIZE, (0, self._limits[1]))
            return
        with self._ballast.open("wb", buffering=0) as ballast:
            self._until_full(ballast.write, MEBIBYTE)
            self._until_full(ballast.write, 512)

    def free(self) -> None:
        """Give it back."""
        if self.kind == "limit":
            resource.prlimit(self._process, resource.RLIMIT_FSIZE, self._limits)
        else:
            self._ballast.unlink()

    @property
    def _process(self) -> int:
        assert self._pid is not None, "not opened"
        return self._pid

    @property
    def _ballast(self) -> Path:
        # The mount is seen by the engine alone.
        return Path(f"/proc/{self._process}/root{self.folder}/ballast")

    def _until_full(self, write: Callable[[bytes], int | None], size: int) -> None:
        try:
            while write(bytes(size)):
                pass
        except OSError:
            return


def small_disk(folder: Path) -> SmallDisk:
    """A disk at `folder` for the command that will be started behind its prefix."""
    folder.mkdir(parents=True, exist_ok=True)
    for options in (("--mount",), ("--mount", "--map-root-user")):
        prefix = (
            *("unshare", *options, "sh", "-c"),
            f'mount -t tmpfs -o size={_SIZE} tmpfs "$0" && exec "$@"',
            str(folder),
        )
        if _works(prefix):
            return SmallDisk("tmpfs", prefix, folder)
    return SmallDisk("limit", (), folder)


def _works(prefix: tuple[str, ...]) -> bool:
    try:
        return subprocess.run((*prefix, "true"), capture_output=True, check=False).returncode == 0
    except OSError:
        return False
