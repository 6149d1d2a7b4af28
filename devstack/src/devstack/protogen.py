"""Generate the Python code of the contract from `proto/`, or prove that it is fresh.

`python -m devstack.protogen` writes `*_pb2.py` and `*_pb2.pyi` next to each other into each of
PACKAGES; with `--check` it writes nothing and ends with status 1 when the checked-in code differs
from what the protos give today.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from devstack.checkout import CHECKOUT
from devstack.terminal import say, say_error

PROTO_ROOT = CHECKOUT / "proto"
PACKAGE_DIR = Path("eventrail") / "v1"
MEND = "python -m devstack.protogen"

PACKAGE_INIT = '"""Generated from proto/eventrail/v1 by `python -m devstack.protogen`. Do not edit."""\n'

_IMPORT = re.compile(r"^(\s*(?:from|import)\s+)eventrail\.v1\b", re.MULTILINE)
_MODULE = re.compile(r"\beventrail\.v1\.(\w+_pb2)\b")


@dataclass(frozen=True)
class Package:
    """A Python package of generated code, the folder that it is written to, and of which protos it is made."""

    module: str
    folder: Path
    protos: str = "*"


CONTRACT = Package(
    "eventrail.contract.v1", CHECKOUT / "libs" / "eventrail" / "src" / "eventrail" / "contract" / "v1"
)
SUBSCRIBER = Package(
    "eventrail_subscriber.v1",
    CHECKOUT / "sdk" / "subscriber" / "src" / "eventrail_subscriber" / "v1",
    "enriched",  # it is installed without anything else of ours, so it has its own
)
PACKAGES = (CONTRACT, SUBSCRIBER)


class GenerationError(Exception):
    """The protos could not be compiled; the text is protoc's own."""


def relocate(source: str, module: str) -> str:
    """Rewrite imports of `eventrail.v1` to `module`.

    Only Python module names change. The protobuf package, which the serialized descriptors
    hold, stays `eventrail.v1`: it is what other languages see.
    """
    return _MODULE.sub(rf"{module}.\1", _IMPORT.sub(rf"\1{module}", source))


def generate(package: Package = CONTRACT, proto_root: Path = PROTO_ROOT) -> dict[str, str]:
    """Compile the protos of the package and return file name -> text.

    Blocks for as long as protoc runs (under a second). Raises GenerationError.
    """
    protos = sorted((proto_root / PACKAGE_DIR).glob(f"{package.protos}.proto"))
    if not protos:
        raise GenerationError(f"no {package.protos}.proto files in {proto_root / PACKAGE_DIR}")
    with tempfile.TemporaryDirectory() as folder:
        _compile(protos, proto_root, Path(folder))
        made = sorted((Path(folder) / PACKAGE_DIR).glob("*_pb2.py*"))
        texts = {path.name: relocate(path.read_text(encoding="utf-8"), package.module) for path in made}
    return {"__init__.py": PACKAGE_INIT, **texts}


def _compile(protos: Iterable[Path], proto_root: Path, out: Path) -> None:
    plugin = Path(sys.executable).with_name("protoc-gen-mypy")
    command = [
        sys.executable,
        *("-m", "grpc_tools.protoc"),
        f"--proto_path={proto_root}",
        f"--proto_path={files('grpc_tools') / '_proto'}",
        f"--plugin=protoc-gen-mypy={plugin}",
        f"--python_out={out}",
        f"--mypy_out={out}",
        *(str(path) for path in protos),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GenerationError(done.stderr.strip() or f"protoc ended with {done.returncode}")


def differences(wanted: dict[str, str], target: Path) -> list[str]:
    """Name what in `target` is not as generated: one line per missing, stale or left-over file."""
    present = {path.name: path for path in target.glob("*.py*") if path.is_file()}
    lines = [f"missing: {name}" for name in sorted(wanted.keys() - present.keys())]
    lines += [f"left over: {name}" for name in sorted(present.keys() - wanted.keys())]
    both = sorted(wanted.keys() & present.keys())
    return lines + [
        f"stale: {name}" for name in both if present[name].read_text(encoding="utf-8") != wanted[name]
    ]


def write(wanted: dict[str, str], target: Path) -> None:
    """Make `target` hold exactly the generated files."""
    target.mkdir(parents=True, exist_ok=True)
    for path in target.glob("*.py*"):
        if path.is_file() and path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (target / name).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=MEND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    options = parser.parse_args(arguments)
    try:
        made = [(package.folder, generate(package)) for package in PACKAGES]
    except GenerationError as error:
        say_error(f"protogen: {error}")
        return 1
    if not options.check:
        for folder, wanted in made:
            write(wanted, folder)
            say(f"{len(wanted)} files written to {folder.relative_to(CHECKOUT)}")
        return 0
    found = [(folder, line) for folder, wanted in made for line in differences(wanted, folder)]
    for folder, line in found:
        say(f"{folder.relative_to(CHECKOUT)}: {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
