"""What could lose or double events at the writer: zombies, bad lines, hangs, restored tables, topics made anew."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from devstack.ports import Address, free_addresses
from devstack.process import until_ready
from devstack.single import broker
from eventrail.contract import topics
from eventrail.contract.codec import enriched_key
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.kafka.admin import admin, create_topics
from eventrail.kafka.records import producer
from eventrail.settings import KafkaSettings
from tests.faults.matrix.proxy import Proxy
from writer.__main__ import main
from writer.migrations import migrate

Event = Callable[..., EnrichedEvent]
Query = Callable[..., list[Any]]
Post = Callable[..., Awaitable[None]]
Until = Callable[..., Awaitable[None]]
StartWriter = Callable[..., Awaitable[Any]]

pytestmark = pytest.mark.stack

COUNT = "SELECT count() FROM events FINAL WHERE website_id = %(website)s"
KEYS = """
SELECT uniqExact(event_id), uniqExact(website_id, event_name, identity_day, event_id)
FROM events WHERE website_id = %(website)s
"""


@pytest.fixture
def stored(query: Query, website: str) -> Callable[[], int]:
    """How many events of the test's website every answer counts."""
    return lambda: int(query(COUNT, {"website": website})[0][0])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A broker whose topics may be deleted."""
    async with broker(tmp_path_factory.mktemp("own-broker")) as servers:
        yield servers


def proxy_to(url: str) -> tuple[Proxy, str]:
    """A way to the engine of `url`, not open yet, and the URL that takes it."""
    before, _, rest = url.partition("@")
    address, _, name = rest.partition("/")
    proxy = Proxy(free_addresses(random.Random()).clickhouse, Address.parse(address))
    return proxy, f"{before}@{proxy.listen}/{name}"


async def until_metric(
    writer: Any, name: str, wanted: Callable[[float], bool], seconds: float = 40, **labels: str
) -> None:
    async def question() -> str:
        assert writer.run.returncode is None, writer.run.log_end()
        value = await writer.metric(name, **labels)
        return "" if wanted(value) else f"{name} is {value}"

    await until_ready(question, seconds)


def other_listen() -> str:
    return str(free_addresses(random.Random()).collector)


async def test_a_zombie_with_an_insert_in_flight_loses_and_doubles_nothing(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    query: Query,
    website: str,
    stored: Callable[[], int],
    until: Until,
) -> None:
    proxy, url = proxy_to(database)
    await proxy.start()
    zombie = await start_writer(url, insert_timeout_seconds=60)
    try:
        proxy.hold()
        await post(*(event() for _ in range(150)))
        # It has its insert under way, and no answer.
        await until_metric(zombie, "eventrail_writer_flushes_total", lambda value: value >= 1)
        os.kill(zombie.run.pid, signal.SIGSTOP)
        await start_writer(database, listen=other_listen())
        # Past the session timeout of 6 s the group gives the partitions to the other one.
        await until(lambda: stored() == 150)
        await post(*(event() for _ in range(50)))
        await until(lambda: stored() == 200)
        await proxy.mend()
        os.kill(zombie.run.pid, signal.SIGCONT)
        # It comes back into the group, and what it still had to commit is refused.
        await until_metric(
            zombie, "eventrail_writer_commits_total", lambda value: value >= 1, outcome="failed"
        )
        await until_ready(zombie.why_not_ready, 30)
        await post(*(event() for _ in range(100)))
        await until(lambda: stored() == 300)
        assert query(KEYS, {"website": website}) == [(300, 300)]
    finally:
        await proxy.close()


async def test_a_line_of_bad_records_is_held_until_its_cause_is_mended(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    query: Query,
    stored: Callable[[], int],
    until: Until,
) -> None:
    query("ALTER TABLE events ADD CONSTRAINT ours CHECK event_name != 'purchase'")
    writer = await start_writer(database, flush_events=50, breaker_minimum=20)
    await post(*(event() for _ in range(150)))
    await until_metric(writer, "eventrail_writer_waiting", lambda value: value == 1, cause="breaker")
    await until_metric(writer, "eventrail_writer_retries_total", lambda value: value >= 2, cause="breaker")
    checks = await writer.checks()
    assert "more than 20% of the records are bad" in checks["breaker"]
    assert "insert_refused: ClickHouse refuses with code 469 VIOLATED_CONSTRAINT" in checks["breaker"]
    assert await writer.metric("eventrail_writer_commits_total", outcome="ok") == 0
    assert '"level": "error"' in writer.run.log_end()
    query("ALTER TABLE events DROP CONSTRAINT ours")
    await until(lambda: stored() == 150)
    await until_ready(writer.why_not_ready, 20)
    assert await writer.metric("eventrail_writer_rejected_total", reason="insert_refused") == 0
    assert writer.run.returncode is None


@pytest.mark.long
async def test_a_person_may_decide_that_they_are_really_bad(
    start_writer: StartWriter, database: str, post: Post
) -> None:
    writer = await start_writer(database, flush_events=50, breaker_minimum=20, grace_seconds=1)
    await post(*(b"\xff\xff" for _ in range(60)))
    await until_metric(writer, "eventrail_writer_waiting", lambda value: value == 1, cause="breaker")
    assert await writer.run.stop(20) == 0
    decided = await start_writer(database, breaker_share=1)
    await until_metric(
        decided, "eventrail_writer_rejected_total", lambda value: value == 60, reason="undecodable"
    )
    await until_metric(decided, "eventrail_writer_commits_total", lambda value: value >= 1, outcome="ok")


async def test_a_writer_that_stands_still_ends_and_the_next_one_goes_on(
    start_writer: StartWriter,
    database: str,
    post: Post,
    event: Event,
    stored: Callable[[], int],
    until: Until,
) -> None:
    quick = {"watchdog_seconds": 2, "flush_seconds": 0.5, "insert_timeout_seconds": 1}
    planted = str(Path(__file__).with_name("stuck_writer.py"))
    stuck = await start_writer(database, command=(planted,), **quick)
    await post(*(event() for _ in range(10)))
    assert await asyncio.wait_for(stuck.run.wait(), 40) == 3
    assert "no commit although records wait and nothing excuses it" in stuck.run.log_end()
    healthy = await start_writer(database, **quick)
    await until(lambda: stored() == 10)
    assert healthy.run.returncode is None


async def test_a_restored_table_is_filled_up_from_kafka(
    start_writer: StartWriter,
    database: str,
    topics_made: str,
    post: Post,
    event: Event,
    query: Query,
    website: str,
    stored: Callable[[], int],
    until: Until,
    backups: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As docs/day-two.md says it is done."""
    writer = await start_writer(database)
    await post(*(event() for _ in range(100)))
    await until(lambda: stored() == 100)
    cut = datetime.now(UTC).isoformat()
    backup = f"File('{backups}/{website}')"
    query(f"BACKUP TABLE events TO {backup}")
    await post(*(event(event_name="late") for _ in range(100)))
    await until(lambda: stored() == 200)
    monkeypatch.setenv("EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS", topics_made)
    monkeypatch.setenv("EVENTRAIL_WRITER_GROUP", writer.group)

    async def rewind(*more: str) -> tuple[int, str]:
        status = await asyncio.to_thread(main, ["rewind", "--to", cut, *more])
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    status, said = await rewind()
    assert status == 2
    assert f"1 writers of the group {writer.group} run" in said
    assert await writer.run.stop(20) == 0
    for [table] in query("SHOW TABLES"):
        query(f"DROP TABLE {table} SYNC")
    query(f"RESTORE TABLE events FROM {backup}")
    await asyncio.to_thread(migrate, database)
    assert stored() == 100
    status, said = await rewind("--dry-run")
    assert status == 0
    assert f"100 records would be read again by the group {writer.group}" in said
    status, said = await rewind()
    assert status == 0
    assert "100 records will be read again" in said
    status, said = await rewind()
    assert "0 records will be read again" in said
    await start_writer(database)
    await until(lambda: stored() == 200)
    assert query(KEYS, {"website": website}) == [(200, 200)]


@pytest.mark.long
@pytest.mark.parametrize("running_meanwhile", [True, False])
async def test_a_topic_that_was_made_anew_loses_nothing(
    start_writer: StartWriter,
    database: str,
    own_broker: str,
    event: Event,
    stored: Callable[[], int],
    until: Until,
    running_meanwhile: bool,
) -> None:
    kafka = KafkaSettings(kafka_bootstrap_servers=own_broker)

    async def post_here(count: int) -> None:
        async with producer(kafka) as sender:
            for _ in range(count):
                made = event()
                await sender.send_and_wait(
                    topics.ENRICHED.name, made.SerializeToString(), key=enriched_key(made)
                )

    await create_topics(kafka, topics.ALL)
    writer = await start_writer(database, broker=own_broker, flush_seconds=0.5)
    await post_here(30)
    await until(lambda: stored() == 30)
    await until_metric(writer, "eventrail_writer_commits_total", lambda value: value >= 1, outcome="ok")
    if not running_meanwhile:
        assert await writer.run.stop(20) == 0
    async with admin(kafka) as client:
        await client.delete_topics([topics.ENRICHED.name])
    await create_topics(kafka, topics.ALL)
    # The same partition and the offsets from 0 on, which the group had committed before.
    await post_here(20)
    if not running_meanwhile:
        await start_writer(database, broker=own_broker, flush_seconds=0.5)
    await until(lambda: stored() == 50, 90)
