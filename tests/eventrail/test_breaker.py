"""The breaker opens when too many of the last records are bad, and at no other time."""

from hypothesis import given
from hypothesis import strategies as st

from eventrail.breaker import PROBE_LONGEST_SECONDS, Breaker, probe_pause

OUTCOMES = st.lists(st.booleans(), max_size=400)


def test_one_bad_record_among_many_never_opens_it() -> None:
    breaker = Breaker(share=0.2, minimum=100)
    for _ in range(1000):
        assert not breaker.opens(100, 1)
        breaker.count(100, 1)
    assert not breaker.opens(10_000, 1)


def test_all_bad_open_it_at_once_where_there_are_enough_of_them() -> None:
    breaker = Breaker(share=0.2, minimum=100)
    assert not breaker.opens(99, 99)
    assert breaker.opens(100, 100)
    assert breaker.opens(20_000, 20_000)


def test_bad_records_that_come_singly_open_it_too() -> None:
    breaker = Breaker(share=0.2, minimum=100)
    breaker.count(1_000_000, 0)
    let_through = 0
    while not breaker.opens(1, 1):
        breaker.count(1, 1)
        let_through += 1
    assert let_through == 100


def test_a_clump_in_a_large_batch_does_not_open_it() -> None:
    breaker = Breaker(share=0.2, minimum=100)
    assert not breaker.opens(20_000, 500)
    assert breaker.opens(2000, 500)


def test_asking_changes_nothing() -> None:
    breaker = Breaker(share=0.5, minimum=2)
    for _ in range(10):
        assert breaker.opens(3, 3)
    assert not breaker.opens(1, 1)


def test_a_share_of_one_turns_it_off() -> None:
    breaker = Breaker(share=1, minimum=1)
    assert breaker.off
    assert not breaker.opens(10_000, 10_000)


@given(OUTCOMES, st.integers(1, 5), st.sampled_from([0.1, 0.25, 0.5]), st.integers(1, 60), st.integers(0, 60))
def test_it_judges_as_a_plain_count_over_the_last_records_does(
    settled: list[bool], minimum: int, share: float, records: int, bad: int
) -> None:
    bad = min(bad, records)
    breaker = Breaker(share, minimum)
    for each in settled:
        breaker.count(1, int(each))
    window = round(minimum / share)
    before = settled[::-1][: max(window - records, 0)]
    of_all, of_bad = records + len(before), bad + sum(before)
    assert breaker.opens(records, bad) == (of_bad >= minimum and of_bad > share * of_all)


@given(OUTCOMES)
def test_it_remembers_no_more_than_its_window(settled: list[bool]) -> None:
    breaker = Breaker(share=0.5, minimum=4)
    for each in settled:
        breaker.count(1, int(each))
    assert sum(number for number, _ in breaker._settled) <= 8


def test_pauses_between_probes_grow_and_are_bounded() -> None:
    pauses = [probe_pause(probes) for probes in range(1, 100)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == PROBE_LONGEST_SECONDS
