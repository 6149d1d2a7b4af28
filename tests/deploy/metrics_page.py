"""docs/metrics.md as data."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Row:
    """One metric as the page tells it."""

    section: str
    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def rows() -> list[Row]:
    found = []
    for section in PAGE.split("\n## ")[1:]:
        for line in section.splitlines():
            if line.startswith("| `eventrail_"):
                name, kind, labels, meaning, _good = re.split(r"\s*\|\s*", line)[1:-1]
                found.append(Row(section.splitlines()[0], name.strip("`"), kind, _quoted(labels), meaning))
    return found


def labels() -> dict[str, frozenset[str]]:
    """The values of each label; empty where the page gives them in words."""
    table = PAGE.partition("\n## Labels\n")[2]
    lines = re.findall(r"^\| `(\w+)` \| (.*) \|$", table, flags=re.MULTILINE)
    return {name: frozenset(_quoted(values)) for name, values in lines}


def expressions() -> list[str]:
    """The ready questions."""
    return re.findall(r"`((?:sum|min|max|histogram_quantile).*?)`", PAGE)


def _quoted(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", text))
