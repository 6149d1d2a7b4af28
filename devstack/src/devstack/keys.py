"""The secrets of one data folder: made at random once, then kept, so that restarts agree."""

import base64
import os
from collections.abc import Callable
from pathlib import Path

from devstack.errors import BadOption

KEY_BYTES = 32
FILE_NAME = "secrets.env"


def secrets_of(data: Path, random_bytes: Callable[[int], bytes] = os.urandom) -> dict[str, str]:
    """Return name -> value of the secrets in `data`, after making them when there are none.

    The file has mode 0600 and lines of `NAME=value`. Raises BadOption when it cannot be read
    as such: new keys would make the data unreadable, so none are made.
    """
    path = data / FILE_NAME
    if not path.exists():
        _write(path, _make(random_bytes))
    return _parse(path)


def _make(random_bytes: Callable[[int], bytes]) -> dict[str, str]:
    def key() -> str:
        return base64.b64encode(random_bytes(KEY_BYTES)).decode()

    return {
        "EVENTRAIL_ADDRESS_KEYS": f"dev:{key()}",
        "EVENTRAIL_SALT_SECRET": key(),
        "EVENTRAIL_SALT_KEYS": f"dev:{key()}",
    }


def _write(path: Path, secrets: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.writelines(f"{name}={value}\n" for name, value in secrets.items())
    fresh.rename(path)


def _parse(path: Path) -> dict[str, str]:
    pairs = dict(line.split("=", 1) for line in path.read_text(encoding="ascii").splitlines() if "=" in line)
    missing = _make(bytes).keys() - pairs.keys()
    if missing:
        raise BadOption(
            f"{path} has no {', '.join(sorted(missing))}.\n"
            "Put it back, or remove the whole data folder and start anew."
        )
    return pairs
