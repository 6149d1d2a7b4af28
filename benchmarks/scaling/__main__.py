"""`python -m benchmarks.scaling [REPORT]`: what the costs of a report say of larger deployments, as Markdown.

With --check it measures two collectors, two enrichers and two writers on this machine, and compares with the model.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.__main__ import RESULTS
from benchmarks.bench import Bench
from benchmarks.cases import river
from benchmarks.figures import written
from benchmarks.report import Report
from benchmarks.scaling import check
from benchmarks.scaling.model import Costs, Load, Pause, Stage, needed, pause, stages

RATES: Final = (10_000, 100_000, 1_000_000, 10_000_000)
VISITORS_PER_RATE: Final = 1_000
"""Live visitors for each event a second."""

REBALANCES: Final[Mapping[str, float]] = {"join": 0.3, "leave": 2.1, "kill -9": 10.3}
"""Seconds without output (docs/adr/0015 and `python -m benchmarks.enricher_pauses`)."""


def costs_of(report: Report) -> Costs:
    """Raises ValueError where the report has not measured the whole river."""
    sizes = {one.name: one.median for one in report.figures if one.case == river.CASE}
    try:
        return Costs(
            **{name: report.capacity[f"{name}, whole river"] for name in check.STAGES},
            raw_bytes=sizes[river.RAW_BYTES],
            enriched_bytes=sizes[river.ENRICHED_BYTES],
        )
    except KeyError as missing:
        raise ValueError(f"the report has no {missing}; measure it: ./dev bench river") from None


def tables(costs: Costs) -> str:
    """The tables of docs/scaling.md."""
    return "\n\n".join((_costs(costs), _sizes(costs), _first(costs), _skew(costs), _pauses(costs)))


def _costs(costs: Costs) -> str:
    return _table(
        ("stage", "processor seconds a million events"),
        [(name, written(getattr(costs, name))) for name in check.STAGES],
    )


def _sizes(costs: Costs) -> str:
    rows = []
    for rate in RATES:
        found = needed(costs, _load(rate))
        rows.append((f"{rate:,}", *(f"{getattr(found, name):,}" for name in _PARTS)))
    return "### What a rate needs\n\n" + _table(("events/s", *_PARTS), rows)


_PARTS: Final = ("collectors", "partitions", "enrichers", "writers", "auditors", "brokers", "shards")


def _first(costs: Costs) -> str:
    rows = []
    for rate in RATES:
        load = _load(rate)
        found = stages(costs, needed(costs, load), load)
        rows.append((f"{rate:,}", *(f"{one.name} ({written(one.saturates_at)})" for one in found[:3])))
    head = ("events/s", "first", "second", "third")
    return "### What saturates first there, and at what rate\n\n" + _table(head, rows)


def _skew(costs: Costs) -> str:
    rate = 100_000
    rows = []
    for share in (0.0, 0.01, 0.05, 0.2):
        load = Load(rate, rate * VISITORS_PER_RATE, share)
        found = stages(costs, needed(costs, _load(rate)), load)[0]
        rows.append((f"{share:.0%}", found.name, written(found.saturates_at)))
    head = ("share", "saturates first", "at events/s")
    return f"### One visitor with a share of all events, deployed for {rate:,}/s\n\n" + _table(head, rows)


def _pauses(costs: Costs) -> str:
    load = _load(100_000)
    [enricher] = [one for one in stages(costs, needed(costs, load), load) if one.name == "enricher"]
    rows = [
        (name, written(found.behind_s), written(found.caught_up_s)) for name, found in _each(enricher).items()
    ]
    head = ("cause", "behind, s", "caught up after, s")
    return f"### A rebalance of enrichers that are {enricher.busy:.0%} busy\n\n" + _table(head, rows)


def _each(stage: Stage) -> Mapping[str, Pause]:
    return {name: pause(stage, seconds) for name, seconds in REBALANCES.items()}


def _load(rate: float) -> Load:
    return Load(rate, int(rate * VISITORS_PER_RATE))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", nargs="?", type=Path, default=RESULTS / "load.json")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check:
        with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
            print(asyncio.run(check.compare(Bench(Path(folder), quick=True, runs=1, seconds=10))))
    else:
        print(tables(costs_of(Report.read(options.report))))


if __name__ == "__main__":
    main()
