"""The spool in the real process: what was answered 202 is on disk or at the broker, whatever ends when."""

import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from collector.sinks.spool_file import SpoolFile
from collector.sinks.spool_registration import Registration
from devstack import programs
from devstack.ports import Addresses, free_addresses
from devstack.process import Run
from devstack.readiness import quiet_client_logs
from devstack.single import running
from eventrail.clock import SystemClock
from eventrail.contract import topics
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.kafka.admin import create_topics
from eventrail.settings import KafkaSettings
from eventrail.spools import command as spools
from tests.faults.collector.child import EVENT, Child, collector
from tests.faults.collector.load import BROKEN, NOT_CONNECTED, Load
from tests.faults.collector.topic import ids_on_topic

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

SPOOLED = "eventrail_collector_spool_events"


class Broker:
    """A broker at one address that comes and goes, with its data."""

    def __init__(self, folder: Path) -> None:
        quiet_client_logs()
        self._folder = folder
        self._addresses: Addresses = free_addresses(random.Random())
        self._running = AsyncExitStack()
        self._run: Run | None = None

    def __str__(self) -> str:
        return str(self._addresses.kafka)

    async def start(self) -> None:
        """Start it, unless it runs."""
        if self._run and self._run.returncode is None:
            return
        program = programs.kafka(self._addresses.kafka, self._addresses.kafka_controller, self._folder)
        run = await self._running.enter_async_context(running(program, self._folder / "kafka.log"))
        self._run = run
        await create_topics(KafkaSettings(kafka_bootstrap_servers=str(self)), topics.ALL)

    async def kill(self) -> None:
        if self._run:
            await self._run.kill()
        await self._running.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("own"))
    yield made
    await made.kill()


def ids_in(spool: Path) -> list[str]:
    """Event ids in a spool that no process uses, in their order."""
    file = SpoolFile(spool, 1 << 30, SystemClock())
    try:
        return [RawEvent.FromString(stored.event.value).event_id for stored in file.read(0, 10**9, 10**12)]
    finally:
        file.close()


def accepted(load: Load) -> list[str]:
    return [event_id for outcome in load.outcomes for event_id in outcome.accepted]


async def until(child: Child, line: str, fits: Callable[[float], bool], limit_s: float = 120) -> None:
    end = time.monotonic() + limit_s
    while not fits(found := await child.metric(line)):
        assert time.monotonic() < end, (line, found, child.log())
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
async def test_kill_9_in_the_middle_of_writes_loses_no_202(
    broker: Broker, tmp_path: Path, kills: int
) -> None:
    """Without a broker from the start, killed again and again; then the broker comes and gets everything."""
    source = random.Random(7)
    spool = tmp_path / "spool"
    promised: list[str] = []
    on_disk: list[str] = []
    await broker.kill()
    for round_ in range(kills):
        log = tmp_path / f"{round_}.log"
        async with collector(str(broker), log, connected=False, spool=spool) as child:
            assert await child.metric(SPOOLED) >= len(promised)
            load = Load(child.address, 400, random.Random(round_))
            sending = asyncio.create_task(load.run())
            await load.until(lambda seen: len(seen.outcomes) > 20, 30)
            await asyncio.sleep(source.random() * 0.4)
            await child.run.kill()
            load.stop()
            await sending
        assert {outcome.status for outcome in load.outcomes} <= {202, BROKEN, NOT_CONNECTED}
        promised += accepted(load)
        on_disk = ids_in(spool)
        assert [event_id for event_id in promised if event_id not in set(on_disk)] == []
        assert len(set(on_disk)) == len(on_disk)
    print(f"\n{kills} times kill -9: {len(promised)} events were answered 202, {len(on_disk)} are on disk")  # noqa: T201
    await broker.start()
    async with collector(str(broker), tmp_path / "last.log", spool=spool) as child:
        await until(child, SPOOLED, lambda events: events == 0)
        copies = await ids_on_topic(str(broker))
        assert {event_id: copies[event_id] for event_id in on_disk} == dict.fromkeys(on_disk, 1)
        async with asyncio.timeout(10):
            while sum(found.stat().st_size for found in spool.iterdir()) > 300_000:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        answer = await child.http.post("/e", json=EVENT)
        assert answer.json()["durability"] == "broker"


async def test_an_outage_under_load_costs_no_event_and_no_503(broker: Broker, tmp_path: Path) -> None:
    await broker.start()
    async with collector(
        str(broker), tmp_path / "collector.log", spool=tmp_path / "spool", publish_timeout=2
    ) as child:
        load = Load(child.address, 200)
        sending = asyncio.create_task(load.run())
        await load.until(lambda seen: len(seen.outcomes) > 100, 30)
        await broker.kill()
        await until(child, SPOOLED, lambda events: events > 500)
        await broker.start()
        began = time.monotonic()
        await until(child, SPOOLED, lambda events: events == 0)
        await load.until(lambda seen: seen.steady(began), 30)
        load.stop()
        await sending
        assert Counter(outcome.status for outcome in load.outcomes).keys() == {202}
        spooled = await child.metric("eventrail_collector_spooled_events_total")
        drained = await child.metric("eventrail_collector_drained_events_total")
        assert spooled == drained > 500
        readiness = (await child.http.get("/readyz")).json()
        assert (readiness["ready"], readiness["checks"]["spool"]) == (True, "ok")
        log = child.log()
    copies = await ids_on_topic(str(broker))
    assert [event_id for event_id in accepted(load) if not copies[event_id]] == []
    assert '"level": "error"' not in log
    print(f"\nan outage under load: {len(accepted(load))} events, {spooled:.0f} of them spooled")  # noqa: T201


async def test_a_stop_leaves_the_spool_to_the_next_start_and_a_full_disk_refuses(
    broker: Broker, tmp_path: Path
) -> None:
    nowhere = str(free_addresses(random.Random()).kafka)
    spool = tmp_path / "spool"
    async with collector(nowhere, tmp_path / "first.log", connected=False, spool=spool) as child:
        ids = [await post(child) for _ in range(20)]
        second = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-P", "-m", "collector"],
            env={**environment(child), "EVENTRAIL_COLLECTOR_SPOOL": str(spool)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 2
        assert "EVENTRAIL_COLLECTOR_SPOOL" in second.stderr
        assert "another collector uses it" in second.stderr
        # What stands for a full disk: the file system takes nothing more from this process.
        resource.prlimit(child.run.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        refused = await child.http.post("/e", json=EVENT)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "the spool cannot be written" in refused.text
        infinity = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(child.run.pid, resource.RLIMIT_FSIZE, infinity)
        ids.append(await post(child))
        child.terminate()
        assert await asyncio.wait_for(child.run.wait(), 30) == 0
    assert ids_in(spool) == ids
    await broker.start()
    kafka, name = KafkaSettings(kafka_bootstrap_servers=str(broker)), Registration(spool).id()
    async with collector(str(broker), tmp_path / "second.log", spool=spool) as child:
        await until(child, SPOOLED, lambda events: events == 0)
        async with asyncio.timeout(20):
            while name not in [one.id for one in await spools.registered(kafka)]:
                pass
        copies = await ids_on_topic(str(broker))
        assert [copies[event_id] for event_id in ids] == [1] * len(ids)
        child.terminate()
        assert await asyncio.wait_for(child.run.wait(), 30) == 0
    # It ended in order and left nothing, so nobody waits for it.
    assert name not in [one.id for one in await spools.registered(kafka)]
    assert not Registration(spool).marked


async def post(child: Child) -> str:
    answer = await child.http.post("/e", json=EVENT)
    receipt = answer.json()
    assert (answer.status_code, receipt["durability"]) == (202, "disk"), json.dumps(receipt)
    (event_id,) = receipt["event_ids"]
    return str(event_id)


def environment(child: Child) -> dict[str, str]:
    read = Path(f"/proc/{child.run.pid}/environ").read_bytes().decode().split("\0")
    return dict(line.split("=", 1) for line in read if line)
