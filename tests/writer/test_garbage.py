"""Cycles are looked for seldom, and found all the same."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from writer import garbage


class Cycle:
    """Is its own member."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def seldom() -> Iterator[None]:
    before = gc.get_threshold()
    garbage.look_seldom()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("seldom")
def test_what_was_there_at_the_start_is_left_alone_and_cycles_go_when_many_objects_came() -> None:
    assert gc.get_freeze_count() > 0
    cycle = weakref.ref(Cycle())
    some = [[] for _ in range(1_000)]  # type: list[list[int]]
    assert cycle() is not None, "at the interpreter's own pace it would be gone"
    some += [[] for _ in range(garbage.ALLOCATIONS)]
    assert cycle() is None
