"""Moments that wait: the latest that is reached leaves with all older ones, and a long line is thinned evenly."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eventrail.checkpoints import KEPT, Span, Waiting, ends, passed, positions, within


def test_the_latest_that_was_reached_leaves_with_all_older_ones() -> None:
    line: Waiting[str] = Waiting()
    line.add("a", {0: 1})
    line.add("b", {0: 2, 1: 1})
    line.add("c", {0: 3})
    assert line.oldest() == ("a", {0: 1})
    assert line.reach({0: 0}) is None
    assert line.reach({0: 2, 1: 5}) == "b"
    assert (line.oldest(), len(line)) == (("c", {0: 3}), 1)
    assert line.reach({0: 9}) == "c"
    assert (line.oldest(), line.reach({0: 9})) == (None, None)


def test_what_is_waited_for_is_a_copy() -> None:
    line, awaited = Waiting[str](), {0: 1}
    line.add("a", awaited)
    awaited[0] = 5
    assert line.reach({0: 1}) == "a"


def test_another_condition() -> None:
    line: Waiting[int] = Waiting()
    for number in range(5):
        line.add(number, {0: number})
    assert line.reach_where(lambda what, awaited: what == 3 and awaited == {0: 3}) == 3
    assert line.oldest() == (4, {0: 4})
    line.clear()
    assert len(line) == 0


@given(st.integers(KEPT, 3000))
def test_a_long_line_is_short_keeps_its_oldest_and_newest_and_has_no_wide_gap(added: int) -> None:
    line: Waiting[int] = Waiting()
    for number in range(added):
        line.add(number, {0: number})
    reached = []
    for position in range(added):
        found = line.reach({0: position})
        if found is not None:
            reached.append(found)
    assert (reached[0], reached[-1], len(reached) <= KEPT) == (0, added - 1, True)
    widest = max(after - before for before, after in pairwise(reached))
    assert widest <= 6 * added / KEPT


def test_a_partition_of_which_nothing_is_known_stands_at_0() -> None:
    assert passed({}, {0: 0})
    assert not passed({}, {0: 1})
    assert passed({}, {})


def test_where_a_group_goes_on() -> None:
    spans = {0: Span(0, 5), 1: Span(3, 3), 2: Span(4, 9)}
    assert ends(spans) == {0: 5, 1: 3, 2: 9}
    assert positions({0: 2, 2: 1}, spans) == {0: 2, 1: 3, 2: 4}
    assert within({0: 5, 1: 4, 7: 1}, spans) == {0: 5}
