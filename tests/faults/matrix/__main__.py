"""`./dev faults`: break the real stack by seeds, compare, and write the report."""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from devstack.readiness import quiet_client_logs
from devstack.terminal import say
from tests.faults.matrix import report
from tests.faults.matrix.blows import KINDS, plan
from tests.faults.matrix.stack import Stack, stack
from tests.faults.matrix.trial import Result, Trial

_TRIALS_A_STACK = 25
"""Then a new stack begins, so that also young data is met."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 where every promise held in every run, else 1."""
    options = _parser().parse_args(arguments)
    quiet_client_logs()
    logging.disable(logging.ERROR)
    if options.page:
        report.PAGE.write_text(report.page(report.read(report.TABLE)), encoding="utf-8")
        return 0
    return asyncio.run(_sitting(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__)
    parser.add_argument("seeds", nargs="*", default=["1-5"], help="seeds or ranges: 7 20-60 (default: 1-5)")
    parser.add_argument("--kind", choices=list(KINDS), help="the same blow for all seeds")
    parser.add_argument("--minutes", type=float, help="begin no run after so many minutes")
    parser.add_argument("--keep", type=Path, help="folder for the logs of runs with faults")
    parser.add_argument(
        "--record",
        nargs="?",
        type=Path,
        const=report.TABLE,
        help="add the runs to this table (docs/faults.tsv)",
    )
    parser.add_argument("--page", action="store_true", help="only write docs/faults.md from docs/faults.tsv")
    return parser


def _seeds(words: list[str]) -> Iterator[int]:
    for word in words:
        first, dash, last = word.partition("-")
        yield from range(int(first), int(last if dash else first) + 1)


async def _sitting(options: argparse.Namespace) -> int:
    seeds, failed = list(_seeds(options.seeds)), 0
    end = time.monotonic() + 60 * (options.minutes or float("inf"))
    while seeds and time.monotonic() < end:
        mine, seeds = seeds[:_TRIALS_A_STACK], seeds[_TRIALS_A_STACK:]
        left, bad = await _on_one_stack(mine, options, end)
        seeds, failed = left + seeds, failed + bad
    return 1 if failed else 0


async def _on_one_stack(seeds: list[int], options: argparse.Namespace, end: float) -> tuple[list[int], int]:
    """Run seeds until one fails; the seeds that are left, and how many failed."""
    folder = Path(tempfile.mkdtemp(prefix="eventrail-matrix-"))
    try:
        async with stack(folder) as running:
            while seeds and time.monotonic() < end:
                result = await _one(running, seeds.pop(0), options)
                if result.faults:
                    _keep(folder, options.keep, result)
                    return seeds, 1
        return seeds, 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _one(running: Stack, seed: int, options: argparse.Namespace) -> Result:
    chosen = plan(seed, options.kind)
    result = await Trial(running, chosen).run()
    say(_line(result))
    if options.record:
        report.append(
            options.record, [report.row(result, report.commit(), datetime.now(UTC).date().isoformat())]
        )
    return result


def _line(result: Result) -> str:
    made = result.copies
    text = (
        f"seed {result.seed}: {result.kind}: {result.words}\n"
        f"    accepted {result.accepted}, in flight {result.in_flight}{'' if result.hit else ' (hit nothing)'}, "
        f"copies {made.sent} + {made.enriched}, absorbed {made.by_writer} + {made.by_table}, "
        f"recovered in {result.recovered_s:.1f} s, {result.seconds:.0f} s in all"
    )
    return text + "".join(f"\n    FAULT {fault}" for fault in result.faults)


def _keep(folder: Path, keep: Path | None, result: Result) -> None:
    if keep is not None:
        kept = keep / f"seed-{result.seed}"
        kept.mkdir(parents=True, exist_ok=True)
        for log in folder.glob("*.log"):
            shutil.copy(log, kept)
        say(f"    logs are in {kept}")


if __name__ == "__main__":
    sys.exit(main())
