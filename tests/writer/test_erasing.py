"""Erasures carried out by several writers at once, on a real engine: after `done`, nothing comes back.

The topic and the group's offsets are played by hand, so that each step of a writer can be put before or behind each
step of another one.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from eventrail.clickhouse import connect
from eventrail.clock import SystemClock
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, RawPosition
from eventrail.erasures.request import Erasure
from eventrail.rows.events import Row, row
from writer import erasing
from writer.erasing import Erasing
from writer.erasure_tables import ErasureTables
from writer.group_offsets import Place
from writer.metrics import metrics
from writer.retry import Backoff, Retry
from writer.table import Table
from writer.waiting import Waiting

pytestmark = pytest.mark.stack

Event = Callable[..., EnrichedEvent]
VISIBLE = "SELECT toString(event_id) FROM events FINAL WHERE website_id = %(website)s"


@dataclass
class Group:
    """The records of two partitions, how far the group has committed, and the topic of erasures."""

    partitions: dict[int, list[EnrichedEvent]] = field(default_factory=lambda: {0: [], 1: []})
    committed: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    requests: list[bytes] = field(default_factory=list)

    async def read(self, position: int) -> tuple[list[bytes | None], int]:
        await asyncio.sleep(0.01)
        return list(self.requests[position:]), len(self.requests)

    async def end(self) -> int:
        return len(self.requests)

    async def places(self) -> dict[int, Place]:
        return {
            number: Place(self.committed[number], len(found)) for number, found in self.partitions.items()
        }

    def rows(self, partition: int, begin: int, end: int) -> list[Row]:
        found = self.partitions[partition][begin:end]
        return [row(event, partition, begin + place) for place, event in enumerate(found)]

    @property
    def is_read(self) -> bool:
        return all(self.committed[number] == len(found) for number, found in self.partitions.items())


@dataclass
class Writer:
    """A writer whose steps are taken by hand; `task` is its part that carries erasures out."""

    erasing: Erasing
    table: Table
    task: "asyncio.Task[None]"
    figures: CollectorRegistry

    def oldest_seconds(self) -> float:
        value = self.figures.get_sample_value("eventrail_writer_erasure_oldest_seconds")
        assert value is not None
        return value

    async def insert(self, rows: Sequence[Row]) -> None:
        if rows:
            await asyncio.to_thread(self.table.insert, rows)

    async def kill(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


Start = Callable[[Group], Writer]


@pytest_asyncio.fixture(params=[1000, 0], ids=["from memory", "from the tables"])
async def start(
    database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Start]:
    monkeypatch.setattr(erasing, "FRESH_SECONDS", 0.05)
    monkeypatch.setattr(erasing, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(erasing, "_REWRITES_SECONDS", 0.02)
    made: list[Writer] = []
    doors: list[Any] = []

    def begin(group: Group) -> Writer:
        figures, clock = CollectorRegistry(), SystemClock()
        catalogue = metrics(figures)
        retry = Retry(Backoff(0.01, 0.05), Waiting(catalogue, clock.monotonic))
        tables, sweeping = (ErasureTables(database, timeout_seconds=60) for _ in range(2))
        table = Table(database, timeout_seconds=60, process=uuid4().hex)
        one = Erasing(group, tables, sweeping, group, retry, catalogue, clock, request.param)
        made.append(Writer(one, table, asyncio.create_task(one.run()), figures))
        doors.extend([tables, sweeping, table])
        return made[-1]

    yield begin
    for writer in made:
        await writer.kill()
    for door in doors:
        await asyncio.to_thread(door.close)


@pytest.fixture
def visible(database: str, website: str) -> Callable[[], set[str]]:
    """Event ids that answers show."""

    def ask() -> set[str]:
        client = connect(database)
        try:
            return {event_id for (event_id,) in client.execute(VISIBLE, {"website": website})}
        finally:
            client.disconnect()

    return ask


@pytest.fixture
def done(database: str) -> Callable[[], set[UUID]]:
    def ask() -> set[UUID]:
        tables = ErasureTables(database, timeout_seconds=60)
        try:
            return tables.done()
        finally:
            tables.close()

    return ask


async def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - the condition lies elsewhere
            await asyncio.sleep(0.01)


def request(website: str, **fields: Any) -> Erasure:
    now = SystemClock().now_ms()
    return Erasure(uuid4(), website, now, now, **fields)


async def test_an_insert_that_began_before_the_request_holds_up_its_end(
    start: Start, event: Event, website: str, visible: Any, done: Any
) -> None:
    group = Group()
    slow, quick = start(group), start(group)
    gone, kept = event(visitor_id="gone"), event(visitor_id="kept")
    group.partitions[0] += [gone, kept]
    rows = await slow.erasing.withhold(group.rows(0, 0, 2))
    assert len(rows) == 2
    one = request(website, visitor_ids=("gone",))
    group.requests.append(one.encoded())
    await quick.erasing.withhold([])
    await asyncio.sleep(0.3)
    assert not done(), "an insert is on its way"
    assert quick.oldest_seconds() >= 0.3
    await slow.insert(rows)
    await until(lambda: kept.event_id in visible())
    assert not done()
    await slow.erasing.recall(rows)
    group.committed[0] = 2
    await until(lambda: one.erasure_id in done())
    await until(lambda: quick.oldest_seconds() == 0)
    assert visible() == {kept.event_id}


async def test_a_writer_that_dies_between_insert_and_commit_leaves_nothing_behind(
    start: Start, event: Event, website: str, visible: Any, done: Any
) -> None:
    group = Group()
    dying, other = start(group), start(group)
    gone, kept = event(visitor_id="gone"), event(visitor_id="kept")
    group.partitions[0] += [gone, kept]
    rows = await dying.erasing.withhold(group.rows(0, 0, 2))
    one = request(website, visitor_ids=("gone",))
    group.requests.append(one.encoded())
    await dying.insert(rows)
    await dying.kill()
    again = await other.erasing.withhold(group.rows(0, 0, 2))
    assert [values[3] for values in again] == [UUID(kept.event_id)]
    assert visible() == {kept.event_id}, "who leaves a row out deletes its stored copies"
    await other.insert(again)
    await other.erasing.recall(again)
    group.committed[0] = 2
    await until(lambda: one.erasure_id in done())
    assert visible() == {kept.event_id}


async def test_of_two_copies_on_two_writers_one_sees_the_other(
    start: Start, event: Event, website: str, visible: Any, done: Any
) -> None:
    group = Group()
    first, second = start(group), start(group)
    one = request(website, visitor_ids=("gone",))
    group.requests.append(one.encoded())
    await until(lambda: one.erasure_id in done())
    original = event(visitor_id="gone", received_at_ms=one.covers_until_ms)
    # The client sends it again from another address, after the request.
    copy = event(
        event_id=original.event_id, visitor_id="hashed", received_at_ms=one.covers_until_ms + 7_200_000
    )
    group.partitions[0].append(original)
    group.partitions[1].append(copy)
    rows = await second.erasing.withhold(group.rows(1, 0, 1))
    assert len(rows) == 1, "nobody knows yet that it is a copy"
    assert await first.erasing.withhold(group.rows(0, 0, 1)) == []
    await second.insert(rows)
    assert visible() == {original.event_id}
    await second.erasing.recall(rows)
    assert visible() == set()
    assert await second.erasing.withhold(group.rows(1, 0, 1)) == []


async def test_a_writer_that_was_stopped_for_long_takes_back_what_it_wrote(
    start: Start, event: Event, website: str, visible: Any, done: Any
) -> None:
    group = Group()
    stopped, other = start(group), start(group)
    gone = event(visitor_id="gone")
    group.partitions[0].append(gone)
    rows = await stopped.erasing.withhold(group.rows(0, 0, 1))
    one = request(website, visitor_ids=("gone",))
    group.requests.append(one.encoded())
    # Its partition has gone to another one.
    assert await other.erasing.withhold(group.rows(0, 0, 1)) == []
    group.committed[0] = 1
    await until(lambda: one.erasure_id in done())
    await stopped.insert(rows)
    await stopped.erasing.recall(rows)
    assert visible() == set()


async def test_one_that_dies_before_it_takes_back_is_swept_when_it_starts_again(
    start: Start, event: Event, website: str, visible: Any, done: Any
) -> None:
    group = Group()
    first = start(group)
    one = request(website, visitor_ids=("gone",))
    group.requests.append(one.encoded())
    await until(lambda: one.erasure_id in done())
    await first.kill()
    await first.insert([row(event(visitor_id="gone"), 0, 0)])
    start(group)
    await until(lambda: visible() == set())


async def test_a_rewrite_of_the_table_holds_up_the_end(
    start: Start, event: Event, website: str, visible: Any, done: Any, query: Any
) -> None:
    put = (
        "INSERT INTO event_rewrites (rewrite_id, stage, ends_by)"
        " SELECT toUUID(%(id)s), %(stage)s, now('UTC') + 600"
    )
    group, rewrite = Group(), str(uuid4())
    writer = start(group)
    query(put, {"id": rewrite, "stage": 1})
    gone = event(visitor_id="gone")
    one = request(website, visitor_ids=("gone",))
    group.requests.append(one.encoded())
    await writer.erasing.withhold([])
    await asyncio.sleep(0.3)
    assert not done()
    await writer.insert([row(gone, 0, 0)])  # what the rewrite writes
    query(put, {"id": rewrite, "stage": 2})
    await until(lambda: one.erasure_id in done())
    assert visible() == set()


async def test_only_what_is_new_is_read_again(
    start: Start, event: Event, website: str, done: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, asked = Group(), list[int]()
    writer = start(group)
    one = request(website, event_ids=(uuid4(),))
    group.requests.append(one.encoded())
    await until(lambda: one.erasure_id in done())
    since = ErasureTables.erased_since

    def told(self: ErasureTables, since_ms: int, most: int) -> Any:
        asked.append(since_ms)
        return since(self, since_ms, most)

    monkeypatch.setattr(ErasureTables, "erased_since", told)
    for _ in range(5):
        assert len(await writer.erasing.withhold([row(event(), 0, 0)])) == 1
    newest = SystemClock().now_ms() - erasing._VISIBLE_WITHIN_MS
    assert all(moment > newest - 60_000 for moment in asked[1:])


async def test_garbage_on_the_topic_is_passed_over(
    start: Start, website: str, done: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    group = Group()
    start(group)
    one = request(website, event_ids=(uuid4(),))
    group.requests += [b"\xff\xff", b"", one.encoded(), one.encoded()]
    await until(lambda: one.erasure_id in done())
    assert "is none and is passed over" in "".join(capfd.readouterr())


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_comes_before_what_nothing_comes_back(  # noqa: C901 - one story, told in its order
    seed: int, start: Start, event: Event, website: str, visible: Any, done: Any
) -> None:
    """Writers take batches, write, die and take over in a random order while somebody asks to erase."""
    chance = random.Random(seed)
    group, asked = Group(), asyncio.Event()
    now = SystemClock().now_ms()
    gone: list[str] = []
    fresh: list[str] = []
    others: list[str] = []
    ids = [str(uuid4()) for _ in range(4)]
    one = request(website, visitor_ids=("gone",), event_ids=(UUID(ids[0]),), raw_ends={0: 50})

    def put(kind: list[str], **fields: Any) -> None:
        made = event(**fields)
        kind.append(made.event_id)
        group.partitions[chance.randrange(2)].append(made)

    for number in range(24):
        put(others, visitor_id=f"v{number}")
        put(gone, visitor_id="gone", event_id=chance.choice(ids), received_at_ms=now)
        # A collector's clock is ahead, but it stands on the raw topic before the request.
        ahead = RawPosition(partition=0, offset=49)
        put(gone, visitor_id="gone", received_at_ms=one.covers_until_ms + 30_000, raw_position=ahead)
    gone.append(ids[0])

    async def work(partition: int) -> None:
        writer = start(group)
        while not (asked.is_set() and group.is_read):
            begin = group.committed[partition]
            end = min(begin + chance.randint(1, 9), len(group.partitions[partition]))
            rows = await writer.erasing.withhold(group.rows(partition, begin, end))
            await asyncio.sleep(chance.choice([0, 0, 0.02, 0.1]))
            await writer.insert(rows)
            if chance.random() < 0.15:
                await writer.kill()
                writer = start(group)
                continue
            await writer.erasing.recall(rows)
            group.committed[partition] = end

    async def ask() -> None:
        await asyncio.sleep(chance.random() * 0.4)
        group.requests.append(one.encoded())
        # What comes after the request: copies of what is gone, by whomever, and new events of the visitor.
        later = one.covers_until_ms + 7_200_000
        for number in range(8):
            put(fresh, visitor_id="gone", received_at_ms=later + number)
            put([], visitor_id="hashed", event_id=chance.choice(gone), received_at_ms=later)
            await asyncio.sleep(0.01)
        asked.set()

    async def watch() -> None:
        await until(lambda: one.erasure_id in done(), 40)
        while not (asked.is_set() and group.is_read):
            shown = await asyncio.to_thread(visible)
            covered = {event_id for event_id in gone if event_id in shown}
            assert not covered, "it was done"
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as tasks:
        for task in (work(0), work(1), ask(), watch()):
            tasks.create_task(task)
    assert await asyncio.to_thread(visible) == {*others, *fresh}
