"""`python -m auditor` as a process: its door, its patience, its end."""

import asyncio
import os
import random
import signal
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from auditor.__main__ import main
from auditor.settings import ALL
from auditor.waiting import Cause
from devstack import programs
from devstack.ports import free_addresses
from devstack.process import Run, until_ready
from devstack.single import running
from eventrail.clickhouse import connect
from eventrail.settings import variable
from tests.auditor.conftest import River, raw_event, until
from writer.migrations import migrate


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for kind in ALL:
        for name in kind.model_fields:
            assert variable(kind, name) in text


def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENTRAIL_AUDITOR_INTERVAL_SECONDS", "soon")
    assert main([]) == 2
    assert "EVENTRAIL_AUDITOR_INTERVAL_SECONDS" in capsys.readouterr().err


async def readyz(url: str) -> httpx.Response | None:
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            return await client.get(f"{url}/readyz")
    except httpx.HTTPError:
        return None


@pytest.mark.stack
async def test_it_waits_for_both_backends_and_ends_orderly_meanwhile(tmp_path: Path) -> None:
    addresses = free_addresses(random.Random())
    environment = {
        **os.environ,
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": str(addresses.kafka),
        "EVENTRAIL_CLICKHOUSE_URL": f"clickhouse://default@{addresses.clickhouse}/eventrail",
        "EVENTRAIL_AUDITOR_LISTEN": str(addresses.auditor),
    }
    run = await Run.start((sys.executable, "-m", "auditor"), tmp_path / "auditor.log", environment)
    try:

        async def why_not() -> str:
            answer = await readyz(addresses.auditor.url)
            if answer is None:
                return "no answer"
            assert answer.status_code == 503
            return "" if "no answer from ClickHouse" in answer.json()["checks"]["clickhouse"] else answer.text

        await until_ready(why_not, 30)
    finally:
        os.kill(run.pid, signal.SIGTERM)
        await asyncio.wait_for(run.wait(), 20)
    assert run.returncode == 0, run.log_end()


@pytest.mark.stack
async def test_an_outage_of_the_engine_alarms_nobody_and_ends_by_itself(
    clickhouse: str, river: River, tmp_path: Path
) -> None:
    """The engine is killed while events are on their way, and comes back with its data."""
    program = programs.clickhouse(free_addresses(random.Random()).clickhouse, tmp_path)
    own = replace(river, database=f"clickhouse://default@{program.address}/eventrail")
    async with running(program, tmp_path / "one.log") as run:
        await asyncio.to_thread(migrate, own.database)
        own.client = connect(own.database)
        chunk = await own.accept(raw_event(), raw_event())
        await own.carry(chunk)
        async with own.audited() as made:
            await own.until({"raw accepted": 2, "enricher enriched": 2, "writer stored": 2})
            await run.kill()
            more = await own.accept(raw_event())
            await own.enrich(more)
            await until(lambda: made.waiting.why(Cause.CLICKHOUSE), bool)
            async with running(program, tmp_path / "two.log"):
                await asyncio.to_thread(own.store, more)
                await own.commit_writer()
                await own.until({"raw accepted": 3, "enricher enriched": 3, "writer stored": 3})
                assert made.metrics.unaccounted._value.get() == 0
                assert made.waiting.why(*Cause) is None
        own.client.disconnect()
