"""The browser script as a folder holds it: `s.js`, perhaps its packed forms, perhaps earlier versions."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eventrail.accept_encoding import takes

NAME: Final = "s.js"

AS_IT_IS: Final = "identity"
PACKED: Final = {"br": ".br", "gzip": ".gz"}
"""Content codings (RFC 9110, 8.4.1) and the endings of their files, the smaller first."""

_DIGEST_CHARACTERS: Final = 16


@dataclass(frozen=True)
class BrowserScript:
    """One version: `digest` names its bytes, `forms` has them by content coding, "identity" always."""

    digest: str
    forms: Mapping[str, bytes]


@dataclass(frozen=True)
class Shelf:
    """All versions by digest, and the current one; None where it was not built."""

    current: BrowserScript | None
    by_digest: Mapping[str, BrowserScript]


def read_shelf(folder: Path | None) -> Shelf:
    """What is in `folder`: `s.js` is the current version, other files `s.*.js` are earlier ones. Blocks."""
    current = folder / NAME if folder else None
    if folder is None or current is None or not current.is_file():
        return Shelf(None, {})
    earlier = [_read(path) for path in sorted(folder.glob("s.*.js"))]
    now = _read(current)
    return Shelf(now, {script.digest: script for script in (*earlier, now)})


def _read(path: Path) -> BrowserScript:
    plain = path.read_bytes()
    packed = {coding: path.with_name(path.name + ending) for coding, ending in PACKED.items()}
    forms = {coding: file.read_bytes() for coding, file in packed.items() if file.is_file()}
    return BrowserScript(hashlib.sha256(plain).hexdigest()[:_DIGEST_CHARACTERS], {**forms, AS_IT_IS: plain})


def coding_for(accept_encoding: str, script: BrowserScript) -> str:
    """The coding to send to a client with this Accept-Encoding header, which is "" where it sent none."""
    return next(
        (coding for coding in PACKED if coding in script.forms and takes(accept_encoding, coding)), AS_IT_IS
    )


def is_known(if_none_match: str, digest: str) -> bool:
    """Whether a client with this If-None-Match header has these bytes already (weak comparison, RFC 9110, 13.1.2)."""
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in ("*", f'"{digest}"') for tag in tags)
