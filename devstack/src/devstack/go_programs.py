"""Programs of Go, built from modules of pinned versions and kept in the user's cache.

A folder with a `go.mod` names the versions and its `go.sum` the hash of each module, as `uv.lock` does for Python, so
what was built is the same everywhere. Go itself is the machine's: where there is none, `missing` says so.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devstack.cache import kept
from devstack.commands import output
from devstack.errors import GoToolsError
from devstack.turn import turn

_GO_LINE = re.compile(r"^go (\S+)$", re.MULTILINE)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class GoPrograms:
    """Programs that come from one locked module and are there together or not at all."""

    name: str
    """Of their folder in the cache, before a part of the hash of all that decides what is built."""
    modules: Path
    """The folder of `go.mod` and `go.sum`."""
    packages: Mapping[str, str]
    """The Go package of each program."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """String variables of packages that are set while linking, such as the version that a program tells."""

    def missing(self) -> str:
        """Why nothing can be built here, or ""."""
        if not shutil.which("go"):
            return "there is no go on the PATH (Debian's package is golang-go)"
        # Not in the folder of the modules: there a go that is too old would fetch another one.
        there = _run(["go", "env", "GOVERSION"], Path("/")).strip()
        wanted = _GO_LINE.search((self.modules / "go.mod").read_text(encoding="utf-8"))
        if wanted and _numbers(there) < _numbers(wanted[1]):
            return f"{there} is on the PATH, and go {wanted[1]} or later is needed"
        return ""

    def folder(self) -> Path:
        """Where the programs are, or will be."""
        pinned = hashlib.sha256(
            (self.modules / "go.mod").read_bytes() + (self.modules / "go.sum").read_bytes()
        )
        pinned.update(repr((sorted(self.packages.items()), sorted(self.variables.items()))).encode())
        return kept(f"{self.name}-{pinned.hexdigest()[:16]}")

    def ensure(self, progress: Progress) -> Path:
        """The folder with the programs, after building them when they are not there.

        Blocks while it downloads modules and builds. Two processes at once take turns. What Go has compiled stays in
        Go's own cache, so a build that was interrupted goes on where it was. Raises GoToolsError.
        """
        made = self.folder()
        with turn(made.with_name(f"{made.name}.lock")):
            if not made.is_dir():
                with tempfile.TemporaryDirectory(prefix="building-", dir=made.parent) as work:
                    target = Path(work) / made.name
                    for program, package in self.packages.items():
                        progress(f"  ... building {program}")
                        self._build(target / program, package)
                    target.rename(made)
        return made

    def _build(self, target: Path, package: str) -> None:
        linking = ["-s", "-w", *(f"-X={name}={value}" for name, value in self.variables.items())]
        # An own GOFLAGS could allow what go.sum does not name.
        command = ["go", "build", "-mod=readonly", "-trimpath", f"-ldflags={' '.join(linking)}"]
        _run([*command, "-o", str(target), package], self.modules)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _run(command: list[str], folder: Path) -> str:
    return output(command, folder, {"GOFLAGS": "", "GOWORK": "off"}, GoToolsError)
