"""One batch's way: rejections, rows, and what is counted."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from eventrail.clock import ManualClock
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.errors import ClickHouseUnavailable, KafkaUnavailable
from eventrail.rows.events import COLUMNS, Row
from writer.dedupe import RecentlyWritten
from writer.delivery import Delivery, reason_name
from writer.errors import RowsRefused, TableFault
from writer.metrics import metrics
from writer.rejections import Rejection
from writer.retry import Backoff, Retry
from writer.waiting import Waiting

Event = Callable[..., EnrichedEvent]
Source = Callable[..., Any]

NAME = COLUMNS.index("event_name")
RECEIVED_AT_MS = 1_794_000_000_123


class MemoryTable:
    """Keeps rows; raises what `faults` holds first; refuses rows that are named "bad"."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.faults: list[Exception] = []
        self.aborted = threading.Event()
        self.hang = False
        self.hanging = threading.Event()

    def insert(self, rows: list[Row]) -> None:
        if self.hang:
            self.hanging.set()
            self.aborted.wait(30)
            raise ClickHouseUnavailable("broken off")
        if self.faults:
            raise self.faults.pop(0)
        if any(row[NAME] == "bad" for row in rows):
            raise RowsRefused("code 469", certain=True)
        self.rows += rows

    def abort(self) -> None:
        self.aborted.set()


class MemoryRejected:
    def __init__(self) -> None:
        self.rejections: list[Rejection] = []
        self.faults: list[Exception] = []

    async def send(self, rejections: Sequence[Rejection], now_ms: int) -> None:
        assert now_ms == RECEIVED_AT_MS + 1500
        if self.faults:
            raise self.faults.pop(0)
        self.rejections += rejections


class Rig:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        catalogue = metrics(self.registry)
        clock = ManualClock(unix_ms=RECEIVED_AT_MS + 1500)
        self.table, self.rejected = MemoryTable(), MemoryRejected()
        retry = Retry(Backoff(0.0001, 0.001), Waiting(catalogue, clock.monotonic))
        self.delivery = Delivery(self.table, self.rejected, RecentlyWritten(100), retry, catalogue, clock)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"eventrail_writer_{name}", labels)


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_events_are_written_and_counted(rig: Rig, event: Event, source: Source) -> None:
    await rig.delivery.deliver([source(event()) for _ in range(3)])
    assert len(rig.table.rows) == 3
    assert rig.rejected.rejections == []
    assert rig.value("rows_inserted_total") == 3
    assert rig.value("inserts_total") == 1
    assert rig.value("batch_rows_sum") == 3
    assert rig.value("age_seconds_sum") == 1.5


async def test_what_is_no_event_is_rejected_and_the_rest_written(
    rig: Rig, event: Event, source: Source
) -> None:
    garbage = source(b"\xff")
    await rig.delivery.deliver([source(event()), garbage])
    assert [rejection.record for rejection in rig.rejected.rejections] == [garbage]
    assert len(rig.table.rows) == 1
    assert rig.value("rejected_total", reason="undecodable") == 1


async def test_only_garbage_is_no_insert(rig: Rig, source: Source) -> None:
    await rig.delivery.deliver([source(b"\xff")])
    assert rig.value("inserts_total") == 0
    assert rig.value("age_seconds_count") == 0


async def test_refused_rows_are_rejected_with_their_own_record(
    rig: Rig, event: Event, source: Source
) -> None:
    bad = source(event(event_name="bad"), partition=4)
    await rig.delivery.deliver([source(event()), bad, source(event(), partition=4)])
    [rejection] = rig.rejected.rejections
    assert rejection.record is bad
    assert reason_name(rejection.reason) == "insert_refused"
    assert rejection.detail == "code 469"
    assert len(rig.table.rows) == 2


async def test_copies_of_written_events_are_dropped(rig: Rig, event: Event, source: Source) -> None:
    copied = event()
    await rig.delivery.deliver([source(copied)])
    await rig.delivery.deliver([source(copied), source(event())])
    assert len(rig.table.rows) == 2
    assert rig.value("duplicates_total") == 1


async def test_a_refused_row_is_not_known_as_written(rig: Rig, event: Event, source: Source) -> None:
    bad = event(event_name="bad")
    await rig.delivery.deliver([source(bad)])
    await rig.delivery.deliver([source(bad)])
    assert len(rig.rejected.rejections) == 2


async def test_it_waits_for_both_backends(rig: Rig, event: Event, source: Source) -> None:
    rig.table.faults = [ClickHouseUnavailable("away"), TableFault("no table"), ClickHouseUnavailable("away")]
    rig.rejected.faults = [KafkaUnavailable("away")]
    await rig.delivery.deliver([source(event()), source(b"\xff")])
    assert len(rig.table.rows) == len(rig.rejected.rejections) == 1
    assert rig.value("retries_total", cause="clickhouse") == 2
    assert rig.value("retries_total", cause="table") == 1
    assert rig.value("retries_total", cause="kafka") == 1


async def test_a_cancelled_delivery_breaks_its_insert_off(rig: Rig, event: Event, source: Source) -> None:
    rig.table.hang = True
    task = asyncio.create_task(rig.delivery.deliver([source(event())]))
    await asyncio.to_thread(rig.table.hanging.wait, 30)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert rig.table.aborted.is_set()
