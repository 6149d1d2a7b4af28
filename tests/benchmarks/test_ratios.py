"""CI's check for regressions: today's ratios against those of the report in the repository, and a planted slowdown."""

from pathlib import Path

import pytest

from benchmarks.__main__ import RESULTS
from benchmarks.bench import Bench
from benchmarks.cases import ratios
from benchmarks.regression import slower
from benchmarks.report import Report

pytestmark = pytest.mark.slow

REPORT = RESULTS / "quick.json"


async def test_no_ratio_got_worse_than_the_report_says(tmp_path: Path) -> None:
    now = await ratios.measure(Bench(tmp_path, quick=True, runs=3, seconds=1.0))
    known = {figure.name for figure in Report.read(REPORT).figures if figure.case == ratios.CASE}
    assert {figure.name for figure in now} == known, "measure anew: ./dev bench --quick"
    found = slower(now, Report.read(REPORT).figures)
    assert not found, "\n".join(map(str, found))


async def test_a_planted_slowdown_is_found(tmp_path: Path) -> None:
    slowed = await ratios.collector_ratios(
        Bench(tmp_path, quick=True, runs=2, seconds=0.5), "tests.benchmarks.slow_collector"
    )
    found = slower(slowed, Report.read(REPORT).figures)
    assert [one.figure.name for one in found] == [
        "processor time of a request of 1: bare ASGI app / collector without broker"
    ], found
