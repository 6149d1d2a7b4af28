"""A package of `sdk/` alone: its wheel is built, and installed where nothing else of this checkout is."""

import subprocess
import sys
import venv
from pathlib import Path

LOOK = """
import json
import sys
from importlib.metadata import distributions
from importlib.resources import files
from importlib.util import find_spec

print(json.dumps({
    "packages": [found.name for found in distributions()],
    "modules": [name for name in ("eventrail", "collector", "devstack", "tests") if find_spec(name)],
    "typed": files(sys.argv[1]).joinpath("py.typed").is_file(),
}))
"""
"""A program that tells what there is beside the module that is its argument, and whether that one has types."""


def run(*command: str | Path, folder: Path) -> str:
    """What `command` wrote to its standard output in `folder`; it must end with status 0."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(package: Path, folder: Path) -> Path:
    """The interpreter of a fresh environment below `folder` into which only the wheel of `package` was installed."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, package, folder=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv")
    made = folder / "venv/bin/python"
    run(*pip, "--python", made, "install", wheel, folder=folder)
    return made
