from collections import Counter

from enricher.replay.report import Report
from enricher.replay.stored import Comparison, Example
from enricher.replay.time_range import TimeRange

WITHIN = TimeRange(1_795_431_600_000, 1_795_435_200_000)


def test_without_differences_it_is_short() -> None:
    assert list(Report(WITHIN, stored=5, replayed=5, comparison=Comparison(5, 0, {})).lines()) == [
        "events accepted from 2026-11-23T11:00:00.000Z to before 2026-11-23T12:00:00.000Z",
        "stored: 5, enriched again: 5, on both sides: 5",
        "differences: 0 of 5 events",
    ]


def test_it_tells_what_differs_what_has_no_counterpart_and_what_was_done() -> None:
    report = Report(
        WITHIN,
        stored=7,
        replayed=6,
        rejected=Counter({"INVALID": 2}),
        comparison=Comparison(5, 3, {"city": 3}),
        examples={"city": [Example("shop", "id-1", "", "Bonn"), Example("shop", "id-2", "x" * 100, "y")]},
        shadow="events_replay_1",
        applied=4,
        left=1,
    )
    assert list(report.lines())[1:] == [
        "stored: 7, enriched again: 6, on both sides: 5",
        (
            "enriched again, but not stored: 1"
            " (an id that was sent again, rejected or erased before, or still on their way)"
        ),
        "stored, but not enriched again: 2 (they are left as they are)",
        "rejected now: 2 INVALID",
        "differences: 3 of 5 events",
        "  city: 3",
        "    shop id-1: '' -> 'Bonn'",
        f"    shop id-2: '{'x' * 79}…' -> 'y'",
        "the shadow table is kept: events_replay_1",
        "applied as revision 4; events that still differ: 1",
    ]
