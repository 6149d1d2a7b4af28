"""What is waited for shows in the gauge, in words, and once in the log."""

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from eventrail.clock import ManualClock
from writer.metrics import metrics
from writer.waiting import Cause, Waiting


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def waiting(registry: CollectorRegistry, clock: ManualClock) -> Waiting:
    return Waiting(metrics(registry), clock.monotonic)


def gauge(registry: CollectorRegistry, cause: str) -> float | None:
    return registry.get_sample_value("eventrail_writer_waiting", {"cause": cause})


def test_every_cause_has_a_gauge_from_the_start(waiting: Waiting, registry: CollectorRegistry) -> None:
    assert waiting.why(*Cause) is None
    assert [gauge(registry, cause) for cause in Cause] == [0, 0, 0, 0]


def test_a_cause_is_told_until_it_ends(waiting: Waiting, registry: CollectorRegistry) -> None:
    waiting.begin(Cause.KAFKA, "no broker")
    assert waiting.why(Cause.KAFKA) == "no broker"
    assert waiting.why(Cause.CLICKHOUSE, Cause.TABLE) is None
    assert gauge(registry, "kafka") == 1
    waiting.end(Cause.KAFKA)
    assert waiting.why(Cause.KAFKA) is None
    assert gauge(registry, "kafka") == 0


def test_tries_are_counted_and_logged_once(
    waiting: Waiting, registry: CollectorRegistry, clock: ManualClock
) -> None:
    with capture_logs() as lines:
        waiting.begin(Cause.CLICKHOUSE, "gone")
        waiting.begin(Cause.CLICKHOUSE, "gone")
        clock.advance(12.34)
        waiting.end(Cause.CLICKHOUSE)
        waiting.end(Cause.CLICKHOUSE)
    assert registry.get_sample_value("eventrail_writer_retries_total", {"cause": "clickhouse"}) == 2
    assert [line["log_level"] for line in lines] == ["warning", "warning"]
    assert lines[0]["why"] == "gone"
    assert lines[1]["waited_seconds"] == 12.3


@pytest.mark.parametrize("cause", [Cause.TABLE, Cause.BREAKER])
def test_a_wrong_table_and_too_many_bad_records_need_a_person(waiting: Waiting, cause: Cause) -> None:
    assert not waiting
    with capture_logs() as lines:
        waiting.begin(cause, "no table")
    assert waiting
    assert [line["log_level"] for line in lines] == ["error"]
