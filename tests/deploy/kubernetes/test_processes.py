"""Each program, started with what its pod gets and no backend in reach: alive, not ready, and gone when asked."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import httpx
import pytest

from devstack import programs
from devstack.ports import Address, free_addresses
from devstack.process import Run, until_ready
from tests.deploy.kubernetes.environment import environment
from tests.deploy.kubernetes.manifests import SERVICES, Manifests

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

READY_WITHOUT_BACKENDS = {"collector", "query-api"}
"""They answer 503 with Retry-After meanwhile (ARCHITECTURE.md)."""


async def test_each_serves_what_its_probes_ask_for(production: Manifests, tmp_path: Path) -> None:
    """All at once, because what takes time is to start."""
    addresses = free_addresses(random.Random())
    places = {one.name: one.address for one in programs.services(addresses)}
    nowhere = {
        "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": str(addresses.kafka),
        "EVENTRAIL_CLICKHOUSE_URL": f"clickhouse://default@{addresses.clickhouse}/eventrail",
        # What a load balancer needs is for a load balancer.
        "EVENTRAIL_DRAIN_SECONDS": "0",
    }
    async with asyncio.TaskGroup() as group:
        for name in SERVICES:
            group.create_task(_lives_and_ends(production, name, places[name], nowhere, tmp_path))


async def _lives_and_ends(
    production: Manifests, name: str, address: Address, changed: dict[str, str], folder: Path
) -> None:
    container, module = production.container(name), SERVICES[name]
    outer = {key: value for key, value in os.environ.items() if not key.startswith("EVENTRAIL_")}
    inner = environment(production, name, folder)
    listen = {f"EVENTRAIL_{module.upper()}_LISTEN": str(address)}
    command = (sys.executable, "-P", "-m", module, *container.get("args", []))
    run = await Run.start(command, folder / f"{name}.log", outer | inner | changed | listen)
    try:
        async with httpx.AsyncClient(base_url=address.url, timeout=5, trust_env=False) as client:

            async def why_not() -> str:
                assert run.returncode is None, run.log_end()
                try:
                    return await _probes(client, container, name)
                except httpx.HTTPError as error:
                    return repr(error)

            await until_ready(why_not, 60)
            assert (await client.get("/metrics")).status_code == 200
    finally:
        os.kill(run.pid, signal.SIGTERM)
        grace = production.pods()[name]["terminationGracePeriodSeconds"]
        await asyncio.wait_for(run.wait(), grace)
    assert run.returncode == 0, run.log_end()


async def _probes(client: httpx.AsyncClient, container: dict[str, object], name: str) -> str:
    """Nothing once all probes answer as they should, else which does not."""
    wanted = {"startupProbe": 200, "livenessProbe": 200}
    wanted["readinessProbe"] = 200 if name in READY_WITHOUT_BACKENDS else 503
    for probe, status in wanted.items():
        path = container[probe]["httpGet"]["path"]  # type: ignore[index]
        answer = await client.get(path)
        if answer.status_code != status:
            return f"{path} answers {answer.status_code}: {answer.text}"
    return ""
