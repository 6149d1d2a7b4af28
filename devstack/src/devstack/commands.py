"""Programs of others that are run to their end."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from devstack.errors import DevstackError

_LAST_LINES: Final = 15


def output(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], fault: type[DevstackError]
) -> str:
    """Run `command` in `folder` with `variables` besides our own, and return what it wrote to stdout; blocks.

    Raises `fault` where the program is not there, or with its last lines where it failed.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise fault(f"{command[0]} is not there") from None
    if done.returncode != 0:
        told = "\n".join((done.stdout + done.stderr).splitlines()[-_LAST_LINES:])
        raise fault(f"{' '.join([Path(command[0]).name, *command[1:4]])} failed in {folder.name}/:\n{told}")
    return done.stdout
