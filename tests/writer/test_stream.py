"""The consumer's loop over a consumer in memory: what is committed was delivered, and memory is bounded."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from eventrail.clock import SystemClock
from eventrail.contract import topics
from writer.batch import FlushReason, Limits, SourceRecord
from writer.metrics import metrics
from writer.stream import Records, Stream
from writer.waiting import Cause, Waiting

PARTITIONS = [TopicPartition(topics.ENRICHED.name, number) for number in range(2)]


@dataclass(frozen=True)
class Line:
    partition: int
    offset: int
    value: bytes | None = b"x"
    key: bytes | None = None


class MemoryConsumer:
    """Two partitions; records are handed out from the position, which starts at the committed offset."""

    def __init__(self) -> None:
        self.log: dict[TopicPartition, list[Line]] = {partition: [] for partition in PARTITIONS}
        self.position = dict.fromkeys(PARTITIONS, 0)
        self.offsets = dict.fromkeys(PARTITIONS, 0)
        self.held: set[TopicPartition] = set()
        self.polls = 0
        self.pauses = 0
        self.commits = 0
        self.largest_read = 0
        self.fault: Exception | None = None
        self.commit_fault: Exception | None = None

    def produce(self, count: int, partition: int = 0) -> None:
        lines = self.log[PARTITIONS[partition]]
        lines += [Line(partition, len(lines) + number) for number in range(count)]

    async def getmany(self, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Line]]:
        self.polls += 1
        self.largest_read = max(self.largest_read, max_records)
        if self.fault:
            raise self.fault
        found: dict[TopicPartition, list[Line]] = {}
        for partition in PARTITIONS:
            start = self.position[partition]
            lines = [] if partition in self.held else self.log[partition][start : start + max_records]
            max_records -= len(lines)
            self.position[partition] += len(lines)
            if lines:
                found[partition] = lines
            if not max_records:
                break
        if not found:
            await asyncio.sleep(min(timeout_ms, 5) / 1000)
        return found

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.commits += 1
        if self.commit_fault:
            raise self.commit_fault
        self.offsets |= offsets

    async def committed(self, partition: TopicPartition) -> int | None:
        return self.offsets[partition] or None

    def assignment(self) -> set[TopicPartition]:
        return set(PARTITIONS)

    def paused(self) -> set[TopicPartition]:
        return set(self.held)

    def pause(self, *partitions: TopicPartition) -> None:
        self.pauses += 1
        self.held |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.held -= set(partitions)

    def highwater(self, partition: TopicPartition) -> int:
        return len(self.log[partition])


class Rig:
    def __init__(self) -> None:
        self.consumer = MemoryConsumer()
        self.delivered: list[list[SourceRecord]] = []
        self.looked_at: list[list[SourceRecord]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fault: Exception | None = None
        self.busy = 0
        self.registry = CollectorRegistry()
        self.stream = self.make()

    def make(self, handover_seconds: float = 5, **limits: Any) -> Stream:
        chosen = {"events": 10, "seconds": 0.05, "cap_events": 50, "cap_bytes": 100_000} | limits
        self.registry = CollectorRegistry()
        catalogue, clock = metrics(self.registry), SystemClock()
        self.waiting = Waiting(catalogue, clock.monotonic)
        self.stream = Stream(
            self.consumer,
            self.deliver,
            Limits(**chosen),
            handover_seconds,
            self.waiting,
            catalogue,
            clock,
            lambda records: self.looked_at.append(list(records)),
        )
        return self.stream

    async def deliver(self, ask: Records) -> None:
        self.busy += 1
        assert self.busy == 1, "one delivery at a time"
        try:
            await self.open.wait()
            if self.fault:
                raise self.fault
            self.delivered.append(list(ask()))
        finally:
            self.busy -= 1

    def positions(self) -> list[tuple[int, int]]:
        return [(each.partition, each.offset) for batch in self.delivered for each in batch]

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"eventrail_writer_{name}", labels)


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest_asyncio.fixture
async def running(rig: Rig) -> AsyncIterator[Callable[[], asyncio.Task[NoReturn]]]:
    """Starts the rig's loop; ends it after the test."""
    tasks: list[asyncio.Task[NoReturn]] = []

    def start() -> asyncio.Task[NoReturn]:
        tasks.append(asyncio.create_task(rig.stream.run()))
        return tasks[-1]

    yield start
    await end(*tasks)
    await rig.stream.abandon()


async def end(*tasks: asyncio.Task[NoReturn]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the loop under test has no event to wait for
            await asyncio.sleep(0.001)


Start = Callable[[], asyncio.Task[NoReturn]]


async def test_what_was_delivered_is_committed(rig: Rig, running: Start) -> None:
    rig.consumer.produce(25, 0)
    rig.consumer.produce(3, 1)
    running()
    await until(lambda: list(rig.consumer.offsets.values()) == [25, 3])
    assert sorted(rig.positions()) == [(0, n) for n in range(25)] + [(1, n) for n in range(3)]


async def test_one_event_waits_only_so_long(rig: Rig, running: Start) -> None:
    running()
    rig.consumer.produce(1)
    await until(lambda: rig.positions() == [(0, 0)])
    assert rig.value("flushes_total", reason="age") == 1


async def test_nothing_is_committed_before_it_is_delivered(rig: Rig, running: Start) -> None:
    rig.open.clear()
    rig.consumer.produce(10)
    running()
    await until(lambda: rig.busy == 1)
    assert rig.consumer.offsets[PARTITIONS[0]] == 0
    rig.open.set()
    await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 10)


def more_than_two_batches_come(rig: Rig, running: Start) -> None:
    """500 records for batches of 30 at most, while no delivery ends."""
    rig.make(events=10, cap_events=30)
    rig.open.clear()
    rig.consumer.produce(500)
    running()


async def test_while_a_delivery_runs_the_next_batch_grows_to_its_cap_and_what_was_fetched_stays(
    rig: Rig, running: Start
) -> None:
    more_than_two_batches_come(rig, running)
    await until(lambda: [len(records) for records in rig.looked_at] == [30])
    assert rig.consumer.position[PARTITIONS[0]] == 60, "one batch in delivery and one that waits"
    rig.open.set()
    await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 500)
    assert not rig.consumer.pauses
    assert rig.positions() == [(0, n) for n in range(500)]


@pytest.fixture
def is_long_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("writer.stream._PAUSE_AFTER_SECONDS", 0.0)


@pytest.mark.usefixtures("is_long_at_once")
async def test_while_a_delivery_runs_for_long_partitions_are_paused_and_polling_goes_on(
    rig: Rig, running: Start
) -> None:
    more_than_two_batches_come(rig, running)
    await until(lambda: rig.consumer.paused() == set(PARTITIONS))
    taken = rig.consumer.position[PARTITIONS[0]]
    assert taken == 60, "one batch in delivery and one that waits"
    polls = rig.consumer.polls
    await until(lambda: rig.consumer.polls > polls + 1)
    assert rig.consumer.position[PARTITIONS[0]] == taken
    assert [len(records) for records in rig.looked_at] == [30], "the full batch is told of, and once"
    rig.open.set()
    await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 500)
    assert rig.looked_at[0] in rig.delivered
    assert max(map(len, rig.delivered)) <= 30
    assert rig.positions() == [(0, n) for n in range(500)]


@pytest.mark.usefixtures("is_long_at_once")
async def test_the_cap_of_bytes_pauses_too(rig: Rig, running: Start) -> None:
    rig.make(events=1000, seconds=3600, cap_events=1000, cap_bytes=20)
    rig.open.clear()
    rig.consumer.produce(20)
    running()
    await until(lambda: rig.busy == 1)
    rig.consumer.produce(20)
    await until(lambda: rig.consumer.paused() == set(PARTITIONS))
    rig.consumer.produce(20)
    polls = rig.consumer.polls
    await until(lambda: rig.consumer.polls > polls + 1)
    assert rig.consumer.position[PARTITIONS[0]] == 40
    rig.open.set()
    await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 60)


async def test_one_read_is_bounded_so_that_the_cap_of_bytes_is_hardly_overrun(
    rig: Rig, running: Start
) -> None:
    rig.make(events=100_000, seconds=3600, cap_events=100_000)
    rig.consumer.produce(5000)
    running()
    await until(lambda: rig.consumer.position[PARTITIONS[0]] == 5000)
    assert rig.consumer.largest_read == 1000


REFUSALS = [CommitFailedError("rebalanced"), KafkaError("away"), TimeoutError()]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that failed is tried again at once."""
    monkeypatch.setattr("writer.stream._COMMIT_AGAIN_SECONDS", 0.01)


@pytest.mark.parametrize("fault", REFUSALS)
@pytest.mark.usefixtures("soon")
async def test_a_commit_that_failed_is_made_up_for_though_no_more_records_come(
    rig: Rig, running: Start, fault: Exception
) -> None:
    rig.consumer.commit_fault = fault
    rig.consumer.produce(10)
    task = running()
    await until(lambda: (rig.value("commits_total", outcome="failed") or 0) > 2)
    assert rig.consumer.offsets[PARTITIONS[0]] == 0
    rig.consumer.commit_fault = None
    await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 10)
    assert len(rig.positions()) == 10
    assert not task.done()
    tries = rig.consumer.commits
    polls = rig.consumer.polls
    await until(lambda: rig.consumer.polls > polls + 10)
    assert rig.consumer.commits == tries, "nothing is owed any more"


async def test_a_commit_is_tried_again_about_once_a_second(rig: Rig, running: Start) -> None:
    rig.consumer.commit_fault = KafkaError("away")
    rig.consumer.produce(10)
    running()
    await until(lambda: rig.consumer.commits == 1)
    began = asyncio.get_running_loop().time()
    await until(lambda: rig.consumer.commits == 2)
    assert asyncio.get_running_loop().time() - began > 0.9


@pytest.mark.usefixtures("soon")
async def test_a_later_batch_commits_what_is_owed_to_other_partitions(rig: Rig, running: Start) -> None:
    rig.consumer.commit_fault = KafkaError("away")
    rig.consumer.produce(10, 0)
    running()
    await until(lambda: rig.consumer.commits > 0)
    rig.consumer.produce(10, 1)
    rig.consumer.produce(5, 0)
    await until(lambda: len(rig.positions()) == 25)
    rig.consumer.commit_fault = None
    await until(lambda: list(rig.consumer.offsets.values()) == [15, 10])


@pytest.mark.usefixtures("soon")
async def test_an_outage_of_the_broker_excuses_an_owed_commit(rig: Rig, running: Start) -> None:
    rig.consumer.commit_fault = KafkaError("away")
    rig.consumer.produce(10)
    running()
    await until(lambda: "away" in (rig.waiting.why(Cause.KAFKA) or ""))
    rig.consumer.commit_fault = None
    await until(lambda: not rig.waiting)
    assert rig.consumer.offsets[PARTITIONS[0]] == 10


@pytest.mark.usefixtures("soon")
async def test_a_group_that_went_on_without_it_is_no_excuse(rig: Rig, running: Start) -> None:
    rig.consumer.commit_fault = KafkaError("away")
    rig.consumer.produce(10)
    running()
    await until(lambda: bool(rig.waiting))
    rig.consumer.commit_fault = CommitFailedError("rebalanced")
    await until(lambda: not rig.waiting)
    assert rig.consumer.offsets[PARTITIONS[0]] == 0


@pytest.mark.usefixtures("soon")
async def test_what_is_owed_goes_with_the_partitions(rig: Rig, running: Start) -> None:
    rig.consumer.commit_fault = KafkaError("away")
    rig.consumer.produce(10)
    running()
    await until(lambda: bool(rig.waiting))
    await rig.stream.on_partitions_revoked(set(PARTITIONS))
    assert not rig.waiting
    rig.consumer.commit_fault = None
    tries, polls = rig.consumer.commits, rig.consumer.polls
    await until(lambda: rig.consumer.polls > polls + 10)
    assert rig.consumer.commits == tries
    assert rig.consumer.offsets[PARTITIONS[0]] == 0


async def test_a_flush_tries_an_owed_commit_once_more(rig: Rig, running: Start) -> None:
    rig.consumer.commit_fault = KafkaError("away")
    rig.consumer.produce(10)
    task = running()
    await until(lambda: bool(rig.waiting))
    await end(task)
    rig.consumer.commit_fault = None
    assert await rig.stream.flush(FlushReason.STOP, 5)
    assert rig.consumer.offsets[PARTITIONS[0]] == 10


async def test_lag_counts_what_is_not_committed(rig: Rig, running: Start) -> None:
    rig.consumer.commit_fault = KafkaError("away")
    rig.consumer.produce(10)
    running()
    await until(lambda: rig.consumer.commits > 1)
    assert rig.value("lag_records", partition="0") == 10


async def test_a_fault_of_a_delivery_ends_the_loop(rig: Rig, running: Start) -> None:
    rig.fault = RuntimeError("a bug")
    rig.consumer.produce(10)
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(running(), 10)
    assert rig.consumer.offsets[PARTITIONS[0]] == 0


async def test_a_fault_of_the_consumer_ends_the_loop(rig: Rig, running: Start) -> None:
    rig.consumer.fault = KafkaError("coordination failed")
    with pytest.raises(KafkaError):
        await asyncio.wait_for(running(), 10)


async def test_a_flush_delivers_and_commits_all_that_waits(rig: Rig, running: Start) -> None:
    rig.make(events=1000, seconds=3600)
    rig.consumer.produce(7)
    task = running()
    await until(lambda: rig.consumer.position[PARTITIONS[0]] == 7)
    await end(task)
    assert await rig.stream.flush(FlushReason.STOP, 5)
    assert rig.consumer.offsets[PARTITIONS[0]] == 7
    assert rig.value("flushes_total", reason="stop") == 1


async def test_a_flush_that_takes_too_long_commits_nothing(rig: Rig, running: Start) -> None:
    rig.open.clear()
    rig.consumer.produce(15)
    task = running()
    await until(lambda: rig.busy == 1)
    await end(task)
    assert not await rig.stream.flush(FlushReason.STOP, 0.01)
    rig.open.set()
    assert rig.busy == 0
    assert rig.consumer.offsets[PARTITIONS[0]] == 0
    assert rig.delivered == []


async def test_revoked_partitions_are_written_before_they_go(rig: Rig, running: Start) -> None:
    rig.make(events=1000, seconds=3600)
    rig.consumer.produce(4, 1)
    running()
    await until(lambda: rig.consumer.position[PARTITIONS[1]] == 4)
    await rig.stream.on_partitions_revoked(set(PARTITIONS))
    assert rig.consumer.offsets[PARTITIONS[1]] == 4
    assert rig.value("flushes_total", reason="rebalance") == 1


async def test_a_handover_that_takes_too_long_drops_without_commit_and_reads_again(
    rig: Rig, running: Start
) -> None:
    rig.make(handover_seconds=0.01)
    rig.open.clear()
    rig.consumer.produce(15)
    running()
    await until(lambda: rig.busy == 1)
    await rig.stream.on_partitions_revoked(set(PARTITIONS))
    assert rig.consumer.offsets[PARTITIONS[0]] == 0
    # What the broker does after a rebalance: reading begins at the committed offset.
    rig.consumer.position = dict(rig.consumer.offsets)
    rig.open.set()
    await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 15)
    assert sorted(set(rig.positions())) == [(0, n) for n in range(15)]


async def test_what_retention_removed_is_told(rig: Rig, running: Start) -> None:
    rig.consumer.produce(40)
    rig.consumer.offsets[PARTITIONS[0]] = 5
    # aiokafka starts at the oldest record that is left.
    rig.consumer.position[PARTITIONS[0]] = 30
    await rig.stream.on_partitions_assigned(set(PARTITIONS))
    with capture_logs() as lines:
        running()
        await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 40)
    assert rig.value("expired_records_total") == 25
    [line] = [line for line in lines if line["log_level"] == "error"]
    assert (line["partition"], line["first"], line["end"]) == (0, 5, 30)
    assert "no commit" not in line["event"]


async def test_what_retention_removed_before_the_first_commit_is_told(rig: Rig, running: Start) -> None:
    rig.consumer.produce(40)
    rig.consumer.position[PARTITIONS[0]] = 30
    await rig.stream.on_partitions_assigned(set(PARTITIONS))
    with capture_logs() as lines:
        running()
        await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 40)
    assert rig.value("expired_records_total") == 30
    [line] = [line for line in lines if line["log_level"] == "error"]
    assert "the group had no commit yet" in line["event"]
    assert (line["partition"], line["first"], line["end"]) == (0, 0, 30)


async def test_a_start_without_committed_offset_at_the_first_record_is_no_loss(
    rig: Rig, running: Start
) -> None:
    rig.consumer.produce(40)
    await rig.stream.on_partitions_assigned(set(PARTITIONS))
    running()
    await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 40)
    assert rig.value("expired_records_total") == 0


async def test_reading_again_after_a_rebalance_is_no_loss(rig: Rig, running: Start) -> None:
    rig.consumer.produce(20)
    running()
    await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 20)
    await rig.stream.on_partitions_revoked(set(PARTITIONS))
    rig.consumer.position[PARTITIONS[0]] = 10
    await rig.stream.on_partitions_assigned(set(PARTITIONS))
    rig.consumer.produce(10)
    await until(lambda: rig.consumer.offsets[PARTITIONS[0]] == 30)
    assert rig.value("expired_records_total") == 0


async def test_lag_is_told_before_anything_was_written(rig: Rig, running: Start) -> None:
    rig.open.clear()
    rig.consumer.produce(10)
    running()
    await until(lambda: rig.value("lag_records", partition="0") == 10)


async def test_lag_is_told_per_partition_and_forgotten_with_it(rig: Rig, running: Start) -> None:
    rig.consumer.produce(10)
    running()
    await until(lambda: rig.value("lag_records", partition="0") == 0)
    await rig.stream.on_partitions_revoked(set(PARTITIONS))
    assert rig.value("lag_records", partition="0") is None
