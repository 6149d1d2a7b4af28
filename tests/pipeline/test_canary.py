"""The canary at a whole river: its events become answers, and it tells how long that took."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from devstack.ports import free_addresses
from devstack.process import Run
from tests.deploy import metrics_page
from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack


async def test_its_events_are_missing_for_as_long_as_the_writer_gathers_and_then_seen(
    river: River, website: str, tmp_path: Path
) -> None:
    listen = free_addresses(random.Random()).auditor
    environment = {
        **os.environ,
        "EVENTRAIL_CANARY_LISTEN": str(listen),
        "EVENTRAIL_CANARY_COLLECTOR_URL": river.addresses.collector.url,
        "EVENTRAIL_CANARY_QUERY_API_URL": river.addresses.query_api.url,
        "EVENTRAIL_CANARY_WEBSITE": website,
        "EVENTRAIL_CANARY_INTERVAL_SECONDS": "1",
        "EVENTRAIL_CANARY_LOOK_SECONDS": "0.2",
        # Less than a writer takes for a few events.
        "EVENTRAIL_CANARY_PATIENCE_SECONDS": "1.5",
    }
    run = await Run.start((sys.executable, "-m", "canary"), tmp_path / "canary.log", environment)
    async with httpx.AsyncClient(trust_env=False) as client:

        async def figures() -> dict[str, float]:
            try:
                text = (await client.get(f"{listen.url}/metrics")).text
            except httpx.HTTPError:
                return {}
            return {
                sample.name.removeprefix("eventrail_canary_"): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if not sample.labels or sample.labels == {"outcome": "ok"}
            }

        try:
            await until(figures, lambda found: found.get("missing_events", 0) >= 1)
            seen = await until(figures, lambda found: found.get("seconds_count", 0) >= 5)
            real = text_string_to_metric_families((await client.get(f"{listen.url}/metrics")).text)
        finally:
            os.kill(run.pid, signal.SIGTERM)
            await asyncio.wait_for(run.wait(), 20)
    assert run.returncode == 0, run.log_end()
    listed = {row.name.removesuffix("_total") for row in metrics_page.rows() if row.section == "Canary"}
    assert {family.name for family in real if family.name.startswith("eventrail_canary_")} == listed
    assert 0 < seen["seconds_sum"] / seen["seconds_count"] < 15
    assert (seen["repeated_events_total"], seen["lost_events_total"]) == (0, 0)
    [row] = river.rows(
        "SELECT count(), uniqExact(event_id) FROM events FINAL WHERE website_id = %(w)s", w=website
    )
    assert row[0] == row[1] >= seen["seconds_count"]
