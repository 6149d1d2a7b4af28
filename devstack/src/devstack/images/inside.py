"""Run by the Python of an image, alone: prints as JSON what can be told only from inside."""

import errno
import json
import os
import re
import sys
from importlib import metadata
from pathlib import Path

BILL = Path("/opt/eventrail/sbom.cdx.json")
NEW = Path("/opt/eventrail/new")


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def write_error() -> str:
    """The name of the error that a new file beside the program meets, "" where there is none."""
    try:
        NEW.touch()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


def listed() -> list[str]:
    """Name and version of each package in the list that lies in the image."""
    bill = json.loads(BILL.read_text(encoding="utf-8"))
    parts = [bill["metadata"]["component"], *bill["components"]]
    return sorted(f"{_name(part['name'])} {part['version']}" for part in parts)


def installed() -> list[str]:
    """Name and version of each package that Python finds."""
    return sorted(f"{_name(found.name)} {found.version}" for found in metadata.distributions())


if __name__ == "__main__":
    told = {"user": os.getuid(), "write_error": write_error(), "listed": listed(), "installed": installed()}
    json.dump(told, sys.stdout)
