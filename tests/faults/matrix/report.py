"""The report: one line of docs/faults.tsv for each run, and docs/faults.md made from all of them."""

import csv
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

from devstack.checkout import CHECKOUT
from tests.faults.matrix.trial import Result

TABLE = CHECKOUT / "docs" / "faults.tsv"
PAGE = CHECKOUT / "docs" / "faults.md"

_LOST = ("lost: ",)
_DOUBLED = ("doubled in ", "the list count", "the time series count")
"""Beginnings of the comparison's words (comparison.py)."""


@dataclass(frozen=True)
class Row:
    """One run as it is kept."""

    seed: int
    commit: str
    day: str
    kind: str
    blow: str
    sent: int
    accepted: int
    in_flight: int
    copies_sent: int
    copies_enriched: int
    by_writer: int
    by_table: int
    recovered_s: float
    seconds: float
    faults: str


def row(result: Result, commit: str, day: str) -> Row:
    """A result as a row; faults are joined by ` | `."""
    made = result.copies
    return Row(
        result.seed,
        commit,
        day,
        result.kind,
        result.words,
        result.sent,
        result.accepted,
        result.in_flight,
        made.sent,
        made.enriched,
        made.by_writer,
        made.by_table,
        round(result.recovered_s, 1),
        round(result.seconds, 1),
        " | ".join(result.faults).replace("\t", " ").replace("\n", " "),
    )


def commit(checkout: Path = CHECKOUT) -> str:
    """Short name of the checkout's commit, with `+` where files differ from it; "?" outside of git."""
    asked = ["git", "-C", str(checkout), "describe", "--always", "--exclude=*", "--dirty=+", "--abbrev=10"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "?"


def append(path: Path, rows: Iterable[Row]) -> None:
    """Add rows at the end of the table; writes the head where the file is new."""
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(
            file, [field.name for field in fields(Row)], delimiter="\t", lineterminator="\n"
        )
        if fresh:
            writer.writeheader()
        writer.writerows(asdict(each) for each in rows)


def read(path: Path) -> list[Row]:
    """All rows of the table, in the order in which the runs ended."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [_parsed(line) for line in csv.DictReader(file, delimiter="\t")]


def _parsed(line: dict[str, str]) -> Row:
    kinds = {field.name: field.type for field in fields(Row)}
    readers = {"int": int, "float": float, int: int, float: float}
    return Row(**{name: readers.get(kinds[name], str)(text) for name, text in line.items()})


def page(rows: Sequence[Row]) -> str:
    """The whole of docs/faults.md. Runs that hit nothing are counted, but not among the others."""
    counted = [each for each in rows if each.in_flight or each.faults]
    return "\n".join([*_head(rows, counted), *_kinds(counted), *_runs(counted)]) + "\n"


def _head(rows: Sequence[Row], counted: Sequence[Row]) -> list[str]:
    bad = [each for each in counted if each.faults]
    lost, doubled = _with(counted, *_LOST), _with(counted, *_DOUBLED)
    last = counted[-1].commit if counted else ""
    same = 0
    for each in reversed(counted):
        if each.commit != last:
            break
        same += 1
    return [
        "# The fault matrix: what was broken, and what came of it",
        "",
        "Made by `./dev faults`; do not edit. How a run works: [docs/fault-matrix.md](fault-matrix.md).",
        "",
        f"- Runs that count: {len(counted)} ({len(rows) - len(counted)} more hit nothing and do not count).",
        (
            f"- Events accepted: {sum(each.accepted for each in counted):,}; in flight at the blow: "
            f"{sum(each.in_flight for each in counted):,}."
        ),
        f"- Runs that lost an event: {lost}; that doubled one: {doubled}; "
        f"with any other fault: {len(bad) - _with(counted, *_LOST, *_DOUBLED)}"
        + "".join(f" (seed {each.seed} at {each.commit})" for each in bad)
        + ".",
        f"- The last {same} runs are of commit {last}.",
        (
            f"- Copies: {sum(each.copies_sent for each in counted):,} by clients, "
            f"{sum(each.copies_enriched for each in counted):,} by the enricher; absorbed: "
            f"{sum(each.by_writer for each in counted):,} by the writers' memory (as far as their metrics "
            "lived to tell), "
            f"{sum(each.by_table for each in counted):,} by the table."
        ),
        f"- Machine of the last sitting: {platform.machine()}, 2 cores shared by stack and load.",
        "",
    ]


def _with(rows: Sequence[Row], *words: str) -> int:
    return sum(any(word in each.faults for word in words) for each in rows)


def _kinds(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| blow | runs | with faults | in flight, median | seconds to recover, median | worst |",
        "|---|---|---|---|---|---|",
    ]
    for kind, number in sorted(Counter(each.kind for each in rows).items()):
        mine = [each for each in rows if each.kind == kind]
        times = [each.recovered_s for each in mine]
        lines.append(
            f"| {kind} | {number} | {sum(bool(each.faults) for each in mine)} | "
            f"{median(each.in_flight for each in mine):g} | {median(times):.1f} | {max(times):.1f} |"
        )
    return [*lines, ""]


def _runs(rows: Sequence[Row]) -> list[str]:
    lines = [
        (
            "| seed | commit | what was done | accepted | in flight | copies: clients / enricher "
            "| absorbed: writer / table | recovered | faults |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.seed} | {each.commit} | {each.kind}: {each.blow} | {each.accepted} | {each.in_flight} | "
        f"{each.copies_sent} / {each.copies_enriched} | {each.by_writer} / {each.by_table} | {each.recovered_s:g} s | "
        f"{each.faults.replace('|', '/') or '0'} |"
        for each in rows
    ]
    return lines
