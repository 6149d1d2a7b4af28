import pytest

from eventrail.checkpoints import Span
from eventrail.conformance.selection import Selection
from eventrail.errors import ConfigurationError

THERE = {0: Span(100, 150), 1: Span(0, 0), 2: Span(7, 12)}


@pytest.mark.parametrize(
    ("selection", "spans"),
    [
        (Selection(10), {0: Span(140, 150), 1: Span(0, 0), 2: Span(7, 12)}),
        (Selection(10_000), THERE),
        (Selection(3, partition=2), {2: Span(9, 12)}),
        (Selection(3, partition=2, begin=8), {2: Span(8, 12)}),
        (Selection(3, partition=2, end=11), {2: Span(8, 11)}),
        (Selection(3, partition=2, begin=8, end=9), {2: Span(8, 9)}),
        (Selection(3, partition=2, begin=0, end=999), {2: Span(7, 12)}),
        (Selection(3, partition=2, begin=1, end=2), {2: Span(7, 7)}),
    ],
)
def test_it_is_the_newest_or_a_range(selection: Selection, spans: dict[int, Span]) -> None:
    assert selection.of(THERE) == spans


def test_a_range_behind_the_end_is_empty() -> None:
    span = Selection(3, partition=2, begin=500).of(THERE)[2]
    assert span.begin >= span.end


def test_a_partition_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigurationError, match="--partition 9: there are 0 to 2"):
        Selection(3, partition=9).of(THERE)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"last": 0}, "--last 0: expected 1 or more"),
        ({"last": 1, "begin": 5}, "say which by --partition"),
        ({"last": 1, "end": 5}, "say which by --partition"),
        ({"last": 1, "partition": 0, "begin": 5, "end": 5}, "--from 5 is not before --to 5"),
    ],
)
def test_what_does_not_fit_together_is_told(wrong: dict[str, int], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Selection(**wrong)
