"""SIGTERM under load: whoever was connected gets an answer, and each 202 is on the topic."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.collector.child import collector
from tests.faults.collector.load import BROKEN, NOT_CONNECTED, Load
from tests.faults.collector.topic import ids_on_topic
from tests.faults.collector.wire import get, talk

pytestmark = pytest.mark.stack


async def test_a_stop_under_load_answers_every_request(broker: str, tmp_path: Path) -> None:
    # The linger keeps about 30 requests under way at each moment.
    async with collector(broker, tmp_path / "collector.log", linger_ms=100) as child:
        load = Load(child.address, 300)
        sending = asyncio.create_task(load.run())
        await load.until(lambda seen: len(seen.outcomes) > 300, 30)
        child.terminate()
        assert await asyncio.wait_for(child.run.wait(), 20) == 0
        load.stop()
        await sending
    statuses = Counter(outcome.status for outcome in load.outcomes)
    assert statuses[BROKEN] == 0
    assert set(statuses) == {202, NOT_CONNECTED}
    accepted = {event_id for outcome in load.outcomes for event_id in outcome.accepted}
    copies = await ids_on_topic(broker)
    assert [event_id for event_id in accepted if copies[event_id] != 1] == []


async def test_requests_under_way_are_told_to_connect_anew(broker: str, tmp_path: Path) -> None:
    async with collector(broker, tmp_path / "collector.log") as child:
        half = b"GET /livez HTTP/1.1\r\n"
        begun = asyncio.create_task(talk(child.address, half, b"host: x\r\n\r\n", every=0.8))
        never = asyncio.create_task(talk(child.address, half))
        async with asyncio.timeout(10):
            while await child.metric("eventrail_collector_connections") < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        child.terminate()
        (answer,) = await begun
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        (answer,) = await never
        assert (answer.status, answer.code) == (503, "unavailable")
        assert await asyncio.wait_for(child.run.wait(), 20) == 0


async def test_idle_connections_do_not_hold_up_the_stop(broker: str, tmp_path: Path) -> None:
    async with collector(broker, tmp_path / "collector.log") as child:
        idle = [asyncio.create_task(talk(child.address)) for _ in range(20)]
        used = asyncio.create_task(talk(child.address, get()))
        async with asyncio.timeout(10):
            while await child.metric("eventrail_collector_connections") < 22:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        child.terminate()
        assert await asyncio.wait_for(child.run.wait(), 5) == 0
        assert await asyncio.gather(*idle) == [[]] * 20
        assert [answer.status for answer in await used] == [200]
