"""Runs are kept as lines and shown as a page."""

from pathlib import Path

from tests.faults.matrix.comparison import Copies
from tests.faults.matrix.report import append, page, read, row
from tests.faults.matrix.trial import Result


def result(seed: int, in_flight: int = 5, **more: object) -> Result:
    made = Result(
        seed, "kill one", f"kill -9 writer-1 ({seed})", 100, 100, in_flight, Copies(7, 2, 3, 6), 1.26, 30
    )
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [row(result(seed, faults=["a\tb", "c"]), "abc", "2026-11-23") for seed in (1, 2)]
    append(tmp_path / "runs.tsv", rows[:1])
    append(tmp_path / "runs.tsv", rows[1:])
    assert read(tmp_path / "runs.tsv") == rows
    assert rows[0].faults == "a b | c"


def test_a_page_counts_only_runs_that_hit_something_and_names_faults() -> None:
    rows = [row(result(1), "old", "d"), row(result(2, in_flight=0), "new", "d")]
    rows += [row(result(3), "new", "d"), row(result(4, faults=["1 lost: x"]), "new", "d")]
    shown = page(rows)
    assert "Runs that count: 3 (1 more hit nothing" in shown
    assert (
        "Runs that lost an event: 1; that doubled one: 0; with any other fault: 0 (seed 4 at new)." in shown
    )
    assert "The last 2 runs are of commit new." in shown
    assert (
        "| 4 | new | kill one: kill -9 writer-1 (4) | 100 | 5 | 7 / 2 | 3 / 6 | 1.3 s | 1 lost: x |" in shown
    )


def test_a_ledger_that_does_not_balance_is_neither_a_loss_nor_a_double() -> None:
    rows = [row(result(1, faults=["the ledger does not balance: {'unaccounted': 0}"]), "c", "d")]
    rows.append(row(result(2, faults=["3 doubled in the table: a, b, c"]), "c", "d"))
    assert "lost an event: 0; that doubled one: 1; with any other fault: 1 " in page(rows)


def test_a_run_with_a_fault_counts_although_it_hit_nothing() -> None:
    assert "Runs that count: 1" in page([row(result(1, in_flight=0, faults=["1 lost: x"]), "c", "d")])
