"""What each release wrote on the topics, so that the next one is held against it: one file for each.

A release's file is recorded once, with the release, and never again:

    python -m tests.enricher.releases 0.1.0
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
RELEASES: Final = sorted(path.stem for path in FOLDER.glob("*.json"))


@dataclass(frozen=True)
class Messages:
    """Of one release: a value of the raw topic, what its enricher made of it, and the changelog of the sessions."""

    raw: bytes
    enriched: list[bytes]
    changelog: dict[bytes, bytes]


def recorded(release: str) -> Messages:
    found = json.loads((FOLDER / f"{release}.json").read_text(encoding="utf-8"))
    return Messages(
        base64.b64decode(found["raw"]),
        [base64.b64decode(value) for value in found["enriched"]],
        {base64.b64decode(key): base64.b64decode(value) for key, value in found["changelog"].items()},
    )


def record(release: str, messages: Messages) -> Path:
    """Write the file of a release. Raises FileExistsError where it has one."""

    def text(value: bytes) -> str:
        return base64.b64encode(value).decode()

    path = FOLDER / f"{release}.json"
    with path.open("x", encoding="utf-8") as file:
        json.dump(
            {
                "raw": text(messages.raw),
                "enriched": [text(value) for value in messages.enriched],
                "changelog": {text(key): text(value) for key, value in messages.changelog.items()},
            },
            file,
            indent=1,
        )
        file.write("\n")
    return path
