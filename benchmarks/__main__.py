"""`./dev bench [--quick] [CASE ...]`: measure Eventrail on this machine and write a report (benchmarks/README.md)."""

import argparse
import asyncio
import shlex
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.cases import (
    answers,
    baselines,
    collector,
    freshness,
    grown,
    memory,
    outage,
    ratios,
    river,
    stages,
    starts,
)
from benchmarks.figures import Figure
from benchmarks.regression import TOLERANCE, slower
from benchmarks.report import Report
from devstack.terminal import say, say_error

RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Case:
    """`measure` is given what to do by a Bench; `about` is for the list of cases."""

    about: str
    measure: Callable[[Bench], Awaitable[list[Figure]]]


CASES: Final[Mapping[str, Case]] = {
    ratios.CASE: Case("a few ratios of seconds, as CI watches them", ratios.measure),
    collector.CASE: Case("one worker, in memory and with Kafka, beside a bare ASGI app", collector.measure),
    stages.CASE: Case(
        "enricher and writer alone on a filled topic, enrichment without Kafka", stages.measure
    ),
    river.CASE: Case("the whole river: the rate that it holds, latencies, memory", river.measure),
    grown.CASE: Case("the rate that the river holds with 10 and 50 million events stored", grown.measure),
    baselines.CASE: Case("bare clients of Kafka, a naive Faust agent, the engine alone", baselines.measure),
    freshness.CASE: Case("from the 202 to the visible row", freshness.measure),
    memory.CASE: Case("memory of each service over an hour, with a million live visitors", memory.measure),
    outage.CASE: Case("ClickHouse away while events come in", outage.measure),
    starts.CASE: Case("how long each program takes to be ready", starts.measure),
    answers.CASE: Case("what the query API answers in as data grows", answers.measure),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0; 1 where `--compare` finds something slower, 2 for a wrong argument."""
    options = _parser().parse_args(arguments)
    names = options.cases or list(CASES)
    name = options.name or ("quick" if options.quick else "full")
    report = asyncio.run(_measure(names, options, lambda found: found.write(options.out, name)))
    say(report.page())
    say(f"written to {options.out / name}.md and .json")
    return _compare(report, options.compare) if options.compare else 0


async def _measure(
    names: Sequence[str], options: argparse.Namespace, keep: Callable[[Report], None]
) -> Report:
    """`keep` is given the report after each case, with all that was measured so far."""
    figures: list[Figure] = []
    described, command = machine.describe(), shlex.join(["./dev", "bench", *sys.argv[1:]])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        runs = options.runs or (2 if options.quick else 5)
        bench = Bench(
            Path(folder),
            options.quick,
            runs,
            options.seconds or (2.0 if options.quick else 10.0),
            options.seed,
        )
        report = Report(described, command, options.seed, figures, bench.capacity, bench.profiles)
        for name in names:
            began = time.monotonic()
            say(f"{name}: {CASES[name].about}")
            figures += await CASES[name].measure(bench)
            say(f"  {time.monotonic() - began:.0f} s")
            keep(report)
    return report


def _compare(report: Report, path: Path) -> int:
    found = slower(report.figures, Report.read(path).figures)
    for one in found:
        say_error(f"slower: {one}")
    say(f"{len(found)} ratios are more than {TOLERANCE:.0%} worse than in {path}")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {name:12} {case.about}" for name, case in CASES.items())
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        description="Measure Eventrail on this machine. Nothing else should run.",
        epilog=f"cases:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", choices=[[], *CASES], help="all of them if none is named"
    )
    parser.add_argument(
        "--quick", action="store_true", help="shorter and fewer runs, without what takes minutes"
    )
    parser.add_argument("--runs", type=int, metavar="N", help="measurements of each figure (5, quick: 2)")
    parser.add_argument("--seconds", type=float, metavar="S", help="of each measurement (10, quick: 2)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the generated events (1)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="where the report goes")
    parser.add_argument("--name", metavar="NAME", help="of the report's files (full, or quick)")
    parser.add_argument(
        "--compare", type=Path, metavar="FILE", help="a report's .json: fail where a ratio is worse"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
