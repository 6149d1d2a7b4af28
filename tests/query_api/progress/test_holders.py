"""What holds data_through, in words."""

from eventrail.checkpoints import Span
from eventrail.spools.reports import Spool
from query_api.progress.holders import holders
from query_api.progress.survey import Survey
from query_api.progress.tracker import Tracker


def told(survey: Survey, now_ms: int = 0) -> tuple[str, ...]:
    tracker = Tracker()
    tracker.take(survey)
    return holders(tracker, now_ms)


def test_nothing_is_known_of_nothing() -> None:
    assert holders(Tracker(), 0) == ()


def test_the_partition_that_is_furthest_behind_is_named_and_all_are_summed() -> None:
    raw = {0: Span(0, 10), 3: Span(0, 1203), 5: Span(7, 7)}
    lines = told(Survey(1, 0, (), raw, {0: 8}, {0: Span(0, 0)}, {}))
    assert lines == ("enricher: partition 3 is 1,203 records behind, 2 partitions together 1,205",)


def test_the_writer_is_named_when_the_enricher_is_done() -> None:
    lines = told(Survey(1, 0, (), {0: Span(0, 4)}, {0: 4}, {0: Span(0, 4), 1: Span(0, 2)}, {0: 4, 1: 1}))
    assert lines == ("writer: partition 1 is 1 record behind",)


def test_spools_are_named_with_what_they_hold_and_for_how_long_they_are_silent() -> None:
    spools = (
        Spool("ab12", "web-1", 1200, 1000),
        Spool("cd34", "", 0, 4000),
        Spool("ef56", "web-3", None, 9000),
        Spool("fine", "web-4", 0, 9000, empty_after=7),
    )
    assert told(Survey(1, 5, spools, {}, {}, {}, {}), 341_000) == (
        "collector spool ab12 on web-1: holds 1,200 events, its last report is 340 s old",
        "collector spool cd34: was empty, its last report is 337 s old",
        "collector spool ef56 on web-3: its report cannot be read, its last report is 332 s old",
    )
