from benchmarks.figures import Figure, at_most
from benchmarks.regression import slower


def figure(value: float, *, relative: bool = True, falling: bool = False, name: str = "x") -> Figure:
    return Figure("c", name, "ratio", (value,), at_most(9) if falling else None, relative=relative)


def test_a_ratio_that_fell_beyond_the_tolerance_is_slower() -> None:
    [found] = slower([figure(0.6)], [figure(1.0)], tolerance=0.3)
    assert str(found) == "c: x is 0.6, and was 1"
    assert not slower([figure(0.71)], [figure(1.0)], tolerance=0.3)
    assert not slower([figure(5.0)], [figure(1.0)], tolerance=0.3)


def test_what_should_be_low_is_slower_when_it_rose() -> None:
    assert slower([figure(1.4, falling=True)], [figure(1.0, falling=True)], tolerance=0.3)
    assert not slower([figure(0.1, falling=True)], [figure(1.0, falling=True)], tolerance=0.3)


def test_what_depends_on_the_machine_is_not_compared() -> None:
    assert not slower([figure(0.1, relative=False)], [figure(1.0, relative=False)])


def test_a_figure_that_was_not_measured_before_is_not_compared() -> None:
    assert not slower([figure(0.1, name="new")], [figure(1.0)])
