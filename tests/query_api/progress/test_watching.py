"""Surveys one after the other, whatever the door to Kafka does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from eventrail.checkpoints import Span
from eventrail.clock import ManualClock
from eventrail.errors import ConfigurationError, KafkaUnavailable, TopicMissing
from query_api.metrics import Metrics
from query_api.progress import watching as module
from query_api.progress.survey import Survey
from query_api.progress.tracked import TrackedProgress
from query_api.progress.watching import watching


class Door:
    """Opens unless `fault` is set; each survey raises `fault` too."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.opened = self.surveys = 0

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator["Door"]:
        self.opened += 1
        if self.fault is not None:
            raise self.fault
        yield self

    async def survey(self) -> Survey:
        if self.fault is not None:
            raise self.fault
        self.surveys += 1
        return Survey(self.surveys, 0, (), {0: Span(0, 0)}, {}, {0: Span(0, 0)}, {})


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.001)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - plain values
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (KafkaUnavailable("no answer from Kafka at 10.0.0.7:9092"), "kafka does not answer"),
        (ConfigurationError("EVENTRAIL_KAFKA_SSL_CA_FILE"), "kafka does not answer"),
        (ZeroDivisionError("a bug of the client library"), "kafka does not answer"),
        (TopicMissing("topic x does not exist"), "topic x does not exist"),
    ],
)
async def test_a_fault_is_told_and_it_goes_on_by_itself(fault: Exception, told: str) -> None:
    door, progress = Door(), TrackedProgress(ManualClock())
    metrics = Metrics(CollectorRegistry())
    with capture_logs() as lines:
        async with watching(progress, door, 0.001, metrics):
            await until(lambda: door.surveys > 2)
            before = progress.data_through_ms()
            door.fault = fault
            await until(lambda: door.opened > 4)
            assert progress.held_by() == (told,)
            assert (progress.data_through_ms() or 0) >= (before or 0) > 0
            surveys = door.surveys
            door.fault = None
            await until(lambda: door.surveys > surveys + 2)
            assert progress.held_by() == ()
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    assert str(fault) in lines[0]["reason"]
    assert metrics.surveys.labels("failed")._value.get() >= 3
    assert metrics.surveys.labels("done")._value.get() == door.surveys


async def test_a_single_failure_is_not_worth_a_line() -> None:
    door, progress = Door(), TrackedProgress(ManualClock())
    with capture_logs() as lines:
        async with watching(progress, door, 0.001, Metrics(CollectorRegistry())):
            await until(lambda: door.surveys > 2)
            door.fault = KafkaUnavailable("the coordinator moves")
            await until(lambda: progress.fault)
            door.fault = None
            await until(lambda: progress.fault is None)
    assert lines == []
