"""A rolling restart of all services under load, two replicas each: nobody notices, and nothing is lost or doubled.

The Services of tests/faults/rolling/proxy.py hear of a stop late. One stack of its own.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml

from devstack import environment, programs
from devstack.ports import Address, Addresses, free_addresses
from devstack.process import Program, Run
from devstack.readiness import quiet_client_logs
from devstack.single import ready
from devstack.supervisor import Supervisor
from tests.faults.collector.child import ADDRESS_KEYS, SALT_SECRET
from tests.faults.rolling.clients import Clients
from tests.faults.rolling.proxy import Proxy, service

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

LAG = 1.5
DRAIN = 3.0
WEBSITE = "rolling"
ROOT = Path(__file__).parents[3]


def grace(name: str) -> float:
    """Seconds that Kubernetes gives the service before it kills it."""
    documents = yaml.safe_load_all((ROOT / "k8s" / "base" / f"{name}.yaml").read_text())
    [deployment] = [document for document in documents if document["kind"] == "Deployment"]
    return float(deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"])


@dataclass
class Replica:
    """One process of a service, now and after each restart."""

    program: Program
    variables: dict[str, str]
    log: Path
    run: Run | None = None

    async def start(self) -> None:
        self.run = await Run.start(self.program.command, self.log, self.variables)
        await ready(self.program, self.run, 90)

    async def restart(self) -> float:
        """SIGTERM, its end, and a new process; returns the seconds until the old one had ended."""
        assert self.run
        began = time.monotonic()
        os.kill(self.run.pid, signal.SIGTERM)
        status = await asyncio.wait_for(self.run.wait(), grace(self.program.name))
        took = time.monotonic() - began
        assert status == 0, self.log.read_text()[-3000:]
        await self.start()
        return took


@dataclass
class Stack:
    collectors: Proxy
    query_apis: Proxy
    replicas: dict[str, list[Replica]]
    took: dict[str, list[float]] = field(default_factory=dict)

    async def restart(self, name: str, number: int) -> None:
        replica = self.replicas[name][number]
        self.took.setdefault(name, []).append(await replica.restart())
        for proxy in (self.collectors, self.query_apis):
            if replica.program.address in [endpoint.address for endpoint in proxy.endpoints]:
                await proxy.until_used(replica.program.address)


@pytest.fixture
async def stack(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    """Two replicas of each service; the parameter, if there is one, is how long they drain."""
    quiet_client_logs()
    drain = getattr(request, "param", DRAIN)
    first, second, doors = (free_addresses(random.Random()) for _ in range(3))
    secrets = {
        "EVENTRAIL_ADDRESS_KEYS": ADDRESS_KEYS,
        "EVENTRAIL_SALT_KEYS": ADDRESS_KEYS,
        "EVENTRAIL_SALT_SECRET": SALT_SECRET,
        "EVENTRAIL_DRAIN_SECONDS": str(drain),
    }
    variables = environment.build(os.environ, first, {}) | secrets
    supervisor = Supervisor(variables, lambda name: tmp_path / f"{name}.log", print)
    replicas: dict[str, list[Replica]] = {}
    for number, addresses in enumerate((first, second)):
        for program in programs.services(addresses):
            own = (
                variables | listens(addresses) | {"EVENTRAIL_ENRICHER_DATA_DIR": str(tmp_path / str(number))}
            )
            log = tmp_path / f"{program.name}-{number}.log"
            replicas.setdefault(program.name, []).append(Replica(program, own, log))
    everyone = [replica for pair in replicas.values() for replica in pair]
    try:
        await supervisor.start(programs.backends(first, tmp_path / "data"))
        await supervisor.run_jobs(programs.JOBS)
        await asyncio.gather(*(replica.start() for replica in everyone))
        async with (
            service(doors.collector, both(replicas["collector"]), LAG) as collectors,
            service(doors.query_api, both(replicas["query-api"]), LAG) as query_apis,
        ):
            for proxy in (collectors, query_apis):
                for endpoint in proxy.endpoints:
                    await proxy.until_used(endpoint.address)
            yield Stack(collectors, query_apis, replicas)
    finally:
        await asyncio.gather(*(replica.run.stop(20) for replica in everyone if replica.run))
        await supervisor.stop(programs.STOP_ORDER)


def listens(addresses: Addresses) -> dict[str, str]:
    return {
        name: value for name, value in environment.settings_for(addresses).items() if name.endswith("_LISTEN")
    }


def both(replicas: list[Replica]) -> list[Address]:
    return [replica.program.address for replica in replicas]


async def test_a_rolling_restart_is_not_noticed(stack: Stack) -> None:
    """First one replica of each service at once, then the other one of each."""

    async def waves() -> None:
        for number in (0, 1):
            await asyncio.gather(*(stack.restart(name, number) for name in stack.replicas))

    senders, askers = await under_load(stack, waves)
    await check(stack, senders, askers)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_many_rolling_restarts_one_process_at_a_time(stack: Stack) -> None:
    async def one_by_one() -> None:
        for name, replicas in [*stack.replicas.items()] * 3:
            for number in range(len(replicas)):
                await stack.restart(name, number)

    senders, askers = await under_load(stack, one_by_one)
    await check(stack, senders, askers)


@pytest.mark.long
@pytest.mark.parametrize("stack", [0.0], indirect=True)
async def test_without_the_drain_it_is_noticed_but_nothing_is_lost(stack: Stack) -> None:
    """The tests above can fail: their clients complain where the services close their doors at once."""

    async def doors() -> None:
        for name in ("collector", "query-api"):
            await stack.restart(name, 0)

    senders, askers = await under_load(stack, doors)
    assert senders.complaints != []
    assert askers.complaints != []
    assert stack.collectors.refused != []
    assert stack.query_apis.refused != []
    await until_counted(stack, len(senders.accepted))


async def under_load(stack: Stack, restarts: Callable[[], Awaitable[None]]) -> tuple[Clients, Clients]:
    senders = Clients(stack.collectors.address, WEBSITE, 8)
    askers = Clients(stack.query_apis.address, WEBSITE, 4, pause=0.2)
    running = [asyncio.create_task(senders.send()), asyncio.create_task(askers.ask())]
    await restarts()
    for clients in (senders, askers):
        clients.stop()
    await asyncio.gather(*running)
    report(stack, senders, askers)
    return senders, askers


async def check(stack: Stack, *everyone: Clients) -> None:
    for clients in everyone:
        assert clients.complaints == []
        assert sum(clients.answers.values()) > 100
    for proxy in (stack.collectors, stack.query_apis):
        assert (proxy.refused, proxy.resets) == ([], [])
        assert len(proxy.connections) == 2
    await until_counted(stack, len(everyone[0].accepted))


async def until_counted(stack: Stack, accepted: int) -> None:
    """Until the query API counts each accepted event, once, and no other."""
    async with httpx.AsyncClient(base_url=stack.query_apis.address.url, trust_env=False) as http:
        end = time.monotonic() + 60
        while True:
            answer = (await http.get(f"/api/websites/{WEBSITE}/events")).json()["data"]
            counts = {row["event_name"]: row["count"] for row in answer}
            if counts == {"rolled": accepted}:
                return
            assert time.monotonic() < end, (counts, accepted)
            await asyncio.sleep(0.1)


def report(stack: Stack, senders: Clients, askers: Clients) -> None:
    print(f"\nposted {dict(senders.answers)}, slowest {senders.slowest:.2f} s")  # noqa: T201
    print(f"asked {dict(askers.answers)}, slowest {askers.slowest:.2f} s")  # noqa: T201
    for name, seconds in stack.took.items():
        print(f"{name} ended after SIGTERM in {', '.join(f'{each:.1f}' for each in seconds)} s")  # noqa: T201
