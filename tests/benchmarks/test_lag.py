import pytest

from benchmarks.lag import Sample, seconds_behind


def sample(at: float, raw: tuple[int, int], enriched: tuple[int, int]) -> Sample:
    return Sample(at, {"raw": raw[0], "enriched": enriched[0]}, {"raw": raw[1], "enriched": enriched[1]})


def test_what_waits_is_told_in_seconds_of_what_comes_in() -> None:
    samples = [
        sample(0, (0, 0), (0, 0)),
        sample(1, (100, 100), (1000, 500)),
        sample(2, (200, 100), (2000, 2000)),
    ]
    assert seconds_behind(samples) == pytest.approx([0.5, 1.0])


def test_a_topic_that_gets_nothing_is_not_behind() -> None:
    assert seconds_behind([sample(0, (5, 5), (0, 0)), sample(1, (5, 5), (0, 0))]) == [0]


def test_waiting_is_the_sum_over_both_topics() -> None:
    assert sample(0, (10, 7), (5, 1)).waiting == 7
