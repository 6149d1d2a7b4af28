"""What a process tells between two surveys and without any; more is in tests/contracts/test_progress_contract.py."""

from eventrail.checkpoints import Span
from eventrail.clock import ManualClock
from query_api.progress.survey import Survey
from query_api.progress.tracked import HELD_SECONDS, TrackedProgress


def survey(at_ms: int, end: int = 3, read: int = 3) -> Survey:
    return Survey(at_ms, 0, (), {0: Span(0, end)}, {0: read}, {0: Span(0, read)}, {0: read})


async def test_without_kafka_what_was_known_stays_and_the_fault_is_told_at_once() -> None:
    progress = TrackedProgress(ManualClock(1000))
    progress.take(survey(1000))
    progress.fail("kafka does not answer")
    assert (progress.data_through_ms(), progress.held_by()) == (1000, ("kafka does not answer",))
    assert await progress.wait_for({0: 2}, 0)
    progress.take(survey(2000))
    assert (progress.data_through_ms(), progress.held_by(), progress.fault) == (2000, (), None)


def test_a_moment_of_standing_still_is_no_hold() -> None:
    clock = ManualClock(1000)
    progress = TrackedProgress(clock)
    progress.take(survey(1000))
    clock.advance(HELD_SECONDS - 0.1)
    progress.take(survey(10_900, end=5))
    assert progress.held_by() == ()
    clock.advance(0.1)
    assert progress.held_by() == ("enricher: partition 0 is 2 records behind",)
    progress.take(survey(11_100, end=5, read=5))
    assert (progress.data_through_ms(), progress.held_by()) == (11_100, ())
