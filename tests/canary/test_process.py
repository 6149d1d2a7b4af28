"""`python -m canary` as a process: its door, its patience, its end."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import httpx
import pytest

from canary.__main__ import main
from canary.settings import ALL
from devstack.ports import Address, free_addresses
from devstack.process import Run, until_ready
from eventrail.settings import variable


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for kind in ALL:
        for name in kind.model_fields:
            assert variable(kind, name) in text


@pytest.mark.parametrize(
    ("name", "value"),
    [("COLLECTOR_URL", "collect.example"), ("INTERVAL_SECONDS", "0.1"), ("WEBSITE", "a/b")],
)
def test_a_wrong_setting_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"EVENTRAIL_CANARY_{name}", value)
    assert main([]) == 2
    assert f"EVENTRAIL_CANARY_{name}" in capsys.readouterr().err


async def test_without_an_installation_it_says_so_and_ends_in_order(tmp_path: Path) -> None:
    addresses = free_addresses(random.Random())
    listen: Address = addresses.auditor
    environment = {
        **os.environ,
        "EVENTRAIL_CANARY_LISTEN": str(listen),
        "EVENTRAIL_CANARY_COLLECTOR_URL": addresses.collector.url,
        "EVENTRAIL_CANARY_QUERY_API_URL": addresses.query_api.url,
    }
    run = await Run.start((sys.executable, "-m", "canary"), tmp_path / "canary.log", environment)
    try:

        async def why_not() -> str:
            try:
                async with httpx.AsyncClient(trust_env=False) as client:
                    answer = await client.get(f"{listen.url}/readyz")
            except httpx.HTTPError as error:
                return repr(error)
            assert answer.status_code == 200
            return "" if "ConnectError" in answer.json()["checks"]["collector"] else answer.text

        await until_ready(why_not, 30)
    finally:
        os.kill(run.pid, signal.SIGTERM)
        await asyncio.wait_for(run.wait(), 20)
    assert run.returncode == 0, run.log_end()
