"""Nothing that was accepted is lost, nothing is doubled, memory stays, and recovery needs no restart."""

from pathlib import Path

import pytest

from devstack.readiness import quiet_client_logs
from tests.faults.collector.soak import Plan, Report, Soak

pytestmark = pytest.mark.stack

SHORT_GROWTH_MIB = 48
LONG_GROWTH_MIB = 96
"""What the process may grow by while requests wait; it depends on how many do (rate times deadline: 900, 3,000)."""

FLAT_MIB = 24
"""What a second outage may add to the first one."""


def judge(report: Report, growth_mib: float) -> None:
    print("", *report.table(), sep="\n")  # noqa: T201 - the figures are the point of a soak
    assert report.missing == set()
    assert report.doubled == []
    assert report.same_process
    assert report.growth_mib < growth_mib
    rss = {phase.name: phase.rss for phase in report.phases}
    assert rss["stopped"] < rss["killed"] + FLAT_MIB
    assert {outcome.status for outcome in report.outcomes} <= {202, 503}
    assert max(outcome.took for outcome in report.outcomes) < report.plan.publish_timeout + 2
    refused = [phase for phase in report.phases if phase.milliseconds(503)]
    assert {phase.name for phase in refused} >= {"killed", "stopped"}
    # The client library calls a broker that is away an error; the collector's own lines must not.
    errors = [line for line in report.log.splitlines() if '"level": "error"' in line]
    assert [line for line in errors if '"logger": "aiokafka"' not in line] == []


async def test_the_broker_is_killed_and_stopped_under_load(tmp_path: Path) -> None:
    quiet_client_logs()
    judge(await Soak(Plan(outage=6), tmp_path).run(), SHORT_GROWTH_MIB)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_the_broker_is_away_for_a_minute_under_load(tmp_path: Path) -> None:
    quiet_client_logs()
    judge(await Soak(Plan(outage=60, publish_timeout=10), tmp_path).run(), LONG_GROWTH_MIB)
