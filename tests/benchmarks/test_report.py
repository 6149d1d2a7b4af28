from pathlib import Path

import pytest

from benchmarks.figures import Figure, at_least
from benchmarks.report import Report

REPORT = Report(
    {"processors": "2"},
    "./dev bench --quick",
    7,
    [
        Figure("collector", "single", "events/s", (10_000.0, 12_000.0, 11_000.0)),
        Figure("collector", "ratio", "ratio", (0.5,), at_least(0.6), relative=True),
    ],
    {"collector": 50.0},
    {"collector": "a profile"},
)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "results", "quick")
    assert Report.read(tmp_path / "results" / "quick.json") == REPORT
    assert (tmp_path / "results" / "quick.md").read_text() == REPORT.page()


def test_the_page_tells_medians_spread_targets_and_what_was_missed() -> None:
    page = REPORT.page()
    assert "| collector: single | events/s | 11,000 | 10,000 to 12,000 | 3 |  |  |" in page
    assert "| collector: ratio | ratio | 0.5 |  | 1 | at least 0.6 | **missed** |" in page


def test_the_capacity_card_tells_cores() -> None:
    assert "| collector | 50 | 20,000 | 0.5 | 5 |" in REPORT.page()


@pytest.mark.parametrize("text", ["{}", '{"figures": [{"case": 1}]}', "[]"])
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"other\.json is no report"):
        Report.read(file)
