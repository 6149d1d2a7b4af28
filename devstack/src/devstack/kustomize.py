"""kustomize: built from Go modules of pinned versions, kept in the user's cache.

`gotools/go.mod` names the version and `gotools/go.sum` the hash of each module, as `uv.lock` does for Python, so what
renders is the same everywhere. Go itself is the machine's: where there is none, `missing` says so.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from devstack.cache import kept
from devstack.commands import output
from devstack.errors import GoToolsError
from devstack.turn import turn

MODULES = Path(__file__).with_name("gotools")
"""The Go module that requires the tools."""

PACKAGE = "sigs.k8s.io/kustomize/kustomize/v5"

_GO_LINE = re.compile(r"^go (\S+)$", re.MULTILINE)

Progress = Callable[[str], None]


def missing(modules: Path = MODULES) -> str:
    """Why nothing can be rendered here, or ""."""
    if not shutil.which("go"):
        return "there is no go on the PATH (Debian's package is golang-go)"
    # Not in the folder of the modules: there a go that is too old would fetch another one.
    there = _run(["go", "env", "GOVERSION"], Path("/")).strip()
    wanted = _GO_LINE.search((modules / "go.mod").read_text(encoding="utf-8"))
    if wanted and _numbers(there) < _numbers(wanted[1]):
        return f"{there} is on the PATH, and go {wanted[1]} or later is needed"
    return ""


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def program(modules: Path = MODULES) -> Path:
    """Where the program of these modules is, or will be, in the user's cache."""
    pinned = hashlib.sha256((modules / "go.mod").read_bytes() + (modules / "go.sum").read_bytes())
    return kept(f"kustomize-{pinned.hexdigest()[:16]}") / "kustomize"


def ensure(progress: Progress, modules: Path = MODULES) -> Path:
    """The program, after building it when it is not there.

    Blocks while it downloads some 20 MB and builds, at first about a minute. Two processes at once take turns. Raises
    GoToolsError.
    """
    made = program(modules)
    with turn(made.parent.with_name(f"{made.parent.name}.lock")):
        if not made.is_file():
            progress("  ... building kustomize")
            made.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=made.parent) as work:
                _build(Path(work) / made.name, modules)
                (Path(work) / made.name).rename(made)
    return made


def render(folder: Path, kustomize: Path) -> str:
    """The manifests of `folder` as one YAML stream. Raises GoToolsError with what kustomize said."""
    return _run([str(kustomize), "build", str(folder)], folder)


def _build(target: Path, modules: Path) -> None:
    # An own GOFLAGS could allow what go.sum does not name.
    _run(["go", "build", "-mod=readonly", "-trimpath", "-o", str(target), PACKAGE], modules)


def _run(command: list[str], folder: Path) -> str:
    return output(command, folder, {"GOFLAGS": "", "GOWORK": "off"}, GoToolsError)
