"""Trying again names its cause while it lasts, once."""

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from auditor.errors import LedgerFault
from auditor.metrics import metrics
from auditor.waiting import Cause, Retry, Waiting, cause_of
from eventrail.clock import ManualClock
from eventrail.errors import ClickHouseUnavailable, KafkaUnavailable, UnavailableError


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (KafkaUnavailable("x"), Cause.KAFKA),
        (ClickHouseUnavailable("x"), Cause.CLICKHOUSE),
        (LedgerFault("x"), Cause.TABLES),
    ],
)
def test_each_error_has_its_cause(error: UnavailableError | LedgerFault, cause: Cause) -> None:
    assert cause_of(error) is cause


async def test_it_tries_until_it_succeeds() -> None:
    catalogue = metrics(CollectorRegistry())
    waiting = Waiting(catalogue, ManualClock().monotonic)
    gauge = catalogue.waiting.labels(Cause.CLICKHOUSE)
    failures = [ClickHouseUnavailable("away"), ClickHouseUnavailable("still away")]

    async def attempt() -> str:
        if failures:
            raise failures.pop(0)
        assert gauge._value.get() == 1
        assert waiting.why(Cause.CLICKHOUSE) == "still away"
        assert waiting.why(Cause.KAFKA) is None
        return "done"

    with capture_logs() as told:
        assert await Retry("reading", waiting, 0.01)(attempt) == "done"
    assert gauge._value.get() == 0
    assert waiting.why(*Cause) is None
    assert [line["event"] for line in told] == ["waiting, nothing is lost", "waiting is over"]


async def test_other_errors_pass() -> None:
    waiting = Waiting(metrics(CollectorRegistry()), ManualClock().monotonic)

    async def attempt() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await Retry("reading", waiting, 0.01)(attempt)


def test_a_cause_lasts_until_nobody_has_it() -> None:
    catalogue = metrics(CollectorRegistry())
    waiting = Waiting(catalogue, ManualClock().monotonic)
    gauge = catalogue.waiting.labels(Cause.KAFKA)
    waiting.begin("reading", Cause.KAFKA, "away")
    waiting.begin("auditing", Cause.KAFKA, "away")
    waiting.end("reading")
    assert gauge._value.get() == 1
    waiting.end("auditing")
    assert gauge._value.get() == 0
