import pytest

from benchmarks.figures import Figure, at_least, at_most, ratio, written


def test_a_figure_is_its_median_and_knows_whether_its_bound_is_kept() -> None:
    figure = Figure("case", "name", "ms", (9.0, 1.0, 2.0), at_most(2))
    assert figure.median == 2.0
    assert figure.kept
    assert Figure("case", "name", "1/s", (9.0,), at_least(9.1)).kept is False
    assert Figure("case", "name", "1/s", (9.0,)).kept is None


def test_a_ratio_is_taken_run_by_run() -> None:
    above, below = (
        Figure("c", name, "1/s", values) for name, values in (("a", (1.0, 8.0)), ("b", (2.0, 2.0)))
    )
    assert ratio("a/b", above, below).values == (0.5, 4.0)
    assert ratio("a/b", above, below).relative


def test_a_ratio_of_unlike_runs_is_that_of_their_medians() -> None:
    above, below = Figure("c", "a", "1/s", (1.0, 3.0, 8.0)), Figure("c", "b", "1/s", (2.0, 2.0))
    assert ratio("a/b", above, below).values == (1.5,)


@pytest.mark.parametrize("bound", [None, at_least(3), at_most(0.5)])
def test_a_figure_survives_json(bound: object) -> None:
    figure = Figure("c", "n", "ms", (1.0, 2.0), bound, relative=True, note="x")  # type: ignore[arg-type]
    assert Figure.from_json(figure.as_json()) == figure


@pytest.mark.parametrize(
    ("value", "text"),
    [(123456.7, "123,457"), (100.0, "100"), (12.345, "12.3"), (0.012345, "0.0123"), (0.0, "0")],
)
def test_numbers_are_written_with_what_they_tell(value: float, text: str) -> None:
    assert written(value) == text
