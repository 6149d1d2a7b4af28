"""data_through is never too late, whatever dies when, and moves on: a river in plain Python against offsets alone."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventrail.checkpoints import KEPT, Span
from eventrail.spools.reports import Spool
from query_api.progress.survey import Survey
from query_api.progress.tracker import Tracker
from tests.query_api.progress.simulation import BUGS, Observer, River


def survey(
    at_ms: int,
    raw: dict[int, tuple[int, int]],
    enricher: dict[int, int],
    enriched: dict[int, tuple[int, int]],
    writer: dict[int, int],
    spools: tuple[Spool, ...] = (),
    spools_end: int = 0,
) -> Survey:
    def spans(given: dict[int, tuple[int, int]]) -> dict[int, Span]:
        return {at: Span(*span) for at, span in given.items()}

    return Survey(at_ms, spools_end, spools, spans(raw), enricher, spans(enriched), writer)


def caught_up(at_ms: int, end: int = 10) -> Survey:
    """One partition each, all of it read and written."""
    return survey(at_ms, {0: (0, end)}, {0: end}, {0: (0, end)}, {0: end})


@given(st.integers(0, 2**32), st.integers(1, 400), st.booleans())
def test_nothing_from_before_it_is_missing_whatever_dies_when(seed: int, steps: int, setbacks: bool) -> None:
    assert Observer(River(random.Random(seed))).run(steps, setbacks=setbacks) == []


@given(st.integers(0, 2**32), st.integers(1, 300))
@settings(max_examples=50)
def test_when_the_river_is_calm_it_moves_on(seed: int, steps: int) -> None:
    river = River(random.Random(seed))
    observer = Observer(river)
    observer.run(steps, setbacks=True)
    river.calm()
    observer = _without_flow(observer)
    calm_at = river.now
    for _ in range(4):
        river.report_in_order()
        observer.survey()
    assert (observer.tracker.data_through_ms or 0) > calm_at
    assert observer.missing() == []
    assert observer.tracker.is_settled({at: len(log) - 1 for at, log in enumerate(river.raw)})


def _without_flow(observer: Observer) -> Observer:
    observer._steps = 0
    return observer


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_out(bug: str) -> None:
    found = [Observer(River(random.Random(seed), bug), steps=5).run(1500) for seed in range(20)]
    assert sum(map(bool, found)) >= 4


def test_idle_partitions_hold_nothing() -> None:
    tracker = Tracker()
    raw = {0: (0, 5), 1: (0, 0), 2: (7, 7)}  # read, never written to, and all of it removed long ago
    tracker.take(survey(100, raw, {0: 5}, {0: (0, 3), 1: (0, 0)}, {0: 3}))
    assert tracker.data_through_ms == 100


def test_a_partition_that_was_never_committed_holds_as_soon_as_it_has_a_record() -> None:
    tracker = Tracker()
    tracker.take(survey(100, {0: (0, 1)}, {}, {0: (0, 0)}, {}))
    assert (tracker.data_through_ms, tracker.holding_raw()) == (None, [0])


def test_it_waits_for_the_enricher_and_then_for_the_writer() -> None:
    tracker = Tracker()
    tracker.take(caught_up(100))
    tracker.take(survey(200, {0: (0, 12)}, {0: 10}, {0: (0, 10)}, {0: 10}))
    assert (tracker.data_through_ms, tracker.holding_raw(), tracker.holding_enriched()) == (100, [0], [])
    tracker.take(survey(300, {0: (0, 12)}, {0: 12}, {0: (0, 14)}, {0: 10}))
    assert (tracker.data_through_ms, tracker.holding_raw(), tracker.holding_enriched()) == (100, [], [0])
    tracker.take(survey(400, {0: (0, 12)}, {0: 12}, {0: (0, 14)}, {0: 14}))
    assert (tracker.data_through_ms, tracker.holding_raw(), tracker.holding_enriched()) == (400, [], [])


def test_under_steady_load_it_trails_and_moves() -> None:
    tracker = Tracker()
    seen = []
    for number in range(1, 100):
        end = number * 10
        tracker.take(survey(number, {0: (0, end)}, {0: end - 5}, {0: (0, end - 5)}, {0: end - 15}))
        seen.append(tracker.data_through_ms or 0)
    assert all(number - through <= 4 for number, through in enumerate(seen[5:], 6))


def test_what_was_removed_before_it_was_read_is_not_waited_for() -> None:
    tracker = Tracker()
    tracker.take(survey(100, {0: (50, 60)}, {0: 20}, {0: (0, 0)}, {}))
    assert tracker.data_through_ms is None
    tracker.take(survey(200, {0: (60, 60)}, {0: 20}, {0: (0, 0)}, {}))
    assert tracker.data_through_ms == 200


@pytest.mark.parametrize(
    "back",
    [
        survey(200, {0: (0, 3)}, {}, {0: (0, 10)}, {0: 10}),  # the raw topic is another
        survey(200, {0: (0, 10)}, {0: 10}, {0: (0, 3)}, {}),  # the enriched topic is another
        survey(200, {0: (0, 10)}, {0: 4}, {0: (0, 10)}, {0: 10}),  # the enricher's group was set back
        survey(200, {0: (0, 10)}, {0: 10}, {0: (0, 10)}, {0: 4}),  # the writer's group was set back
        survey(200, {0: (0, 10)}, {0: 10}, {0: (0, 10)}, {}),  # its commits are gone
    ],
)
def test_what_goes_back_takes_all_certainty_with_it_until_everybody_has_caught_up(back: Survey) -> None:
    tracker = Tracker()
    tracker.take(caught_up(100))
    assert tracker.is_settled({0: 9})
    tracker.take(back)
    assert tracker.data_through_ms is None
    assert not tracker.is_settled({0: 9})
    tracker.take(caught_up(300, 11))
    assert tracker.data_through_ms == 300


def test_a_clock_that_was_set_back_takes_it_back() -> None:
    tracker = Tracker()
    tracker.take(caught_up(5000))
    tracker.take(survey(1000, {0: (0, 11)}, {0: 10}, {0: (0, 10)}, {0: 10}))
    assert tracker.data_through_ms is None
    tracker.take(caught_up(1500, 11))
    assert tracker.data_through_ms == 1500


def test_a_new_partition_is_waited_for() -> None:
    tracker = Tracker()
    tracker.take(survey(100, {0: (0, 10)}, {0: 10}, {0: (0, 10)}, {0: 10}))
    tracker.take(survey(200, {0: (0, 10), 1: (0, 2)}, {0: 10}, {0: (0, 10)}, {0: 10}))
    assert (tracker.data_through_ms, tracker.holding_raw()) == (100, [1])
    tracker.take(survey(300, {0: (0, 10), 1: (0, 2)}, {0: 10, 1: 2}, {0: (0, 10), 1: (0, 2)}, {0: 10}))
    assert (tracker.data_through_ms, tracker.holding_enriched()) == (100, [1])
    tracker.take(survey(400, {0: (0, 10), 1: (0, 2)}, {0: 10, 1: 2}, {0: (0, 10), 1: (0, 2)}, {0: 10, 1: 2}))
    assert tracker.data_through_ms == 400


def test_a_spool_holds_until_it_was_empty_after_the_moment() -> None:
    def with_spool(at_ms: int, end: int, empty_after: int) -> Survey:
        spool = Spool("a", events=0, empty_after=empty_after)
        return survey(at_ms, {0: (0, 10)}, {0: 10}, {0: (0, 10)}, {0: 10}, (spool,), end)

    tracker = Tracker()
    tracker.take(with_spool(100, 5, 4))
    assert (tracker.data_through_ms, [spool.id for spool in tracker.holding_spools()]) == (None, ["a"])
    tracker.take(with_spool(200, 6, 5))
    assert (tracker.data_through_ms, tracker.holding_spools()) == (100, [tracker.last.spools[0]])  # type: ignore[union-attr]
    tracker.take(survey(300, {0: (0, 10)}, {0: 10}, {0: (0, 10)}, {0: 10}, (), 7))
    assert tracker.data_through_ms == 300


def test_a_long_outage_keeps_few_moments_and_the_oldest_is_reached_first() -> None:
    tracker = Tracker()
    for number in range(1, 5000):
        tracker.take(survey(number, {0: (0, number)}, {}, {0: (0, 0)}, {}))
        assert len(tracker._at_river) <= KEPT
    tracker.take(survey(5000, {0: (0, 5000)}, {0: 1}, {0: (0, 0)}, {}))
    assert tracker.data_through_ms == 1
    tracker.take(survey(5001, {0: (0, 5000)}, {0: 4000}, {0: (0, 0)}, {}))
    assert 3000 < (tracker.data_through_ms or 0) <= 4000


def test_records_of_a_token_are_settled_one_by_one() -> None:
    tracker = Tracker()
    assert tracker.is_settled({})
    assert not tracker.is_settled({0: 0})
    tracker.take(survey(100, {0: (0, 10), 1: (0, 4)}, {0: 8, 1: 4}, {0: (0, 9)}, {0: 9}))
    assert tracker.is_settled({0: 7, 1: 3})
    assert not tracker.is_settled({0: 8})
    assert not tracker.is_settled({2: 0})
