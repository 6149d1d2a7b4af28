"""A broker that hangs: the queue is bounded, the deadline holds, and nothing arrives twice."""

import asyncio
import json
import os
import random
import signal
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from devstack import programs
from devstack.ports import free_addresses
from devstack.process import Run
from devstack.readiness import quiet_client_logs
from devstack.single import running
from eventrail.contract import topics
from eventrail.kafka.admin import create_topics
from eventrail.settings import KafkaSettings
from tests.faults.collector.child import EVENT, collector
from tests.faults.collector.topic import ids_on_topic
from tests.faults.collector.wire import Answer, post, talk

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture
async def own_broker(tmp_path: Path) -> AsyncIterator[tuple[str, Run]]:
    quiet_client_logs()
    addresses = free_addresses(random.Random())
    program = programs.kafka(addresses.kafka, addresses.kafka_controller, tmp_path)
    async with running(program, tmp_path / "kafka.log") as run:
        await create_topics(KafkaSettings(kafka_bootstrap_servers=str(addresses.kafka)), topics.ALL)
        yield str(addresses.kafka), run
        os.kill(run.pid, signal.SIGCONT)


def one() -> tuple[str, bytes]:
    event_id = str(uuid.uuid4())
    return event_id, json.dumps(
        {**EVENT, "event_id": event_id, "timestamp": int(time.time() * 1000)}
    ).encode()


async def test_a_stuck_broker_costs_the_deadline_then_503_and_never_a_second_copy(
    own_broker: tuple[str, Run], tmp_path: Path
) -> None:
    kafka, run = own_broker
    bounds = {"queue_events": 50, "publish_timeout": 2}
    async with collector(kafka, tmp_path / "collector.log", **bounds) as child:
        assert (await child.http.post("/e", json=EVENT)).status_code == 202
        os.kill(run.pid, signal.SIGSTOP)
        ids, answers = [], []

        async def ask() -> None:
            event_id, body = one()
            ids.append(event_id)
            began = time.monotonic()
            (answer,) = await talk(child.address, post(body, b"connection: close"))
            answers.append((time.monotonic() - began, answer))

        await asyncio.gather(*(ask() for _ in range(80)))
        at_once = [answer for took, answer in answers if took < 1]
        waited = [took for took, _ in answers if took >= 1]
        assert (len(at_once), len(waited)) == (30, 50)
        assert min(waited) >= 2
        assert max(waited) < 3
        assert {refusal(answer) for _, answer in answers} == {(503, "unavailable", "1")}
        os.kill(run.pid, signal.SIGCONT)
        async with asyncio.timeout(40):
            while (await child.http.post("/e", json=EVENT)).status_code != 202:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            # What was answered 503 long ago may still wait for its acknowledgement.
            while await child.metric("eventrail_collector_queue_events"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        copies = await ids_on_topic(kafka)
        assert max(copies.values()) == 1
        # Those that the queue never took did not arrive; of the others, what was on its way.
        assert sum(copies[event_id] for event_id in ids) <= 50


def refusal(answer: Answer) -> tuple[int, str | None, str]:
    return answer.status, answer.code, answer.headers["retry-after"]


async def test_queued_events_cost_little_and_a_stop_gives_them_their_answer(
    own_broker: tuple[str, Run], tmp_path: Path
) -> None:
    kafka, run = own_broker
    async with collector(kafka, tmp_path / "collector.log", publish_timeout=6) as child:
        body = json.dumps([{**EVENT, "event_data": {"plan": "pro", "amount": 49.99}}] * 50).encode()
        for _ in range(20):
            await talk(child.address, post(body, b"connection: close"))
        before = child.rss_mib()
        os.kill(run.pid, signal.SIGSTOP)
        posts = [asyncio.create_task(talk(child.address, post(body))) for _ in range(400)]
        async with asyncio.timeout(5):
            while await child.metric("eventrail_collector_queue_events") < 20_000:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        each = (child.rss_mib() - before) * 1024 / 20_000
        size = await child.metric("eventrail_collector_queue_bytes") / 20_000
        print(f"\nan event in the queue: {size:.0f} bytes of it, {each:.2f} KiB of memory")  # noqa: T201
        assert each < 4
        child.terminate()
        answers = [answer for (answer,) in await asyncio.gather(*posts)]
        assert {refusal(answer) for answer in answers} == {(503, "unavailable", "1")}
        assert {answer.headers["connection"] for answer in answers} == {"close"}
        assert await asyncio.wait_for(child.run.wait(), 60) == 0
