"""What one run of an image showed: its figures as a table, and what is wrong with it. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

LABELS: Final = frozenset(
    f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses", "version", "revision")
)


@dataclass(frozen=True)
class Observed:
    """One service. `image` and `container` are as `docker inspect` has them, the second after the end.

    `inside` is what inside.py prints. Times in seconds; `own_size` is the bytes of what is ours in the image; `log` is
    all that the container wrote.
    """

    name: str
    own_size: int
    image: Mapping[str, Any]
    health: str
    inside: Mapping[str, Any]
    ready_s: float
    stopped_s: float
    container: Mapping[str, Any]
    log: str

    @property
    def status(self) -> int:
        return int(self.container["State"]["ExitCode"])

    @property
    def complaints(self) -> list[str]:
        """Lines of the log that are errors, or not of our making."""
        return [line for line in self.log.splitlines() if _level(line) not in {"info", "warning"}]


def _level(line: str) -> str:
    try:
        return str(json.loads(line)["level"])
    except (ValueError, KeyError, TypeError):
        return "none"


def faults(seen: Observed) -> list[str]:
    """What is not as promised, in words."""
    held = {
        "runs as root": seen.inside["user"] != 0,
        f"can be written to, or refuses with '{seen.inside['write_error']}'": seen.inside["write_error"]
        == "EROFS",
        f"is {seen.health}, not healthy": seen.health == "healthy",
        f"ended with status {seen.status}": seen.status == 0,
        "has not all labels": (seen.image["Config"]["Labels"] or {}).keys() >= LABELS,
        "lists other packages than it has": seen.inside["listed"] == seen.inside["installed"],
        "logged an error, or a line that is no JSON": not seen.complaints,
    }
    return [f"{seen.name} {fault}" for fault, well in held.items() if not well]


def table(all_seen: Sequence[Observed]) -> str:
    """The figures as Markdown."""
    rows = [
        f"| `{seen.name}` | {_mb(seen.image['Size'])} | {_mb(seen.own_size)} "
        f"| {len(seen.inside['installed'])} | {seen.ready_s:.1f} s | {seen.health} | {seen.stopped_s:.1f} s "
        f"| {seen.status} | {len(seen.log.splitlines())} |"
        for seen in all_seen
    ]
    head = "| image | size | of it ours | packages | ready after | health | stopped after | status | lines logged |"
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|", *rows])


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
