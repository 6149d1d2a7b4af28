"""One batch's way: rejections, rows, and what is counted."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from eventrail.breaker import Breaker
from eventrail.clock import ManualClock
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent
from eventrail.errors import ClickHouseUnavailable, KafkaUnavailable
from eventrail.rows.events import COLUMNS, Row
from writer.block import Block, block
from writer.dedupe import RecentlyWritten
from writer.delivery import Delivery
from writer.errors import LineHeld, RowsRefused, TableFault
from writer.metrics import metrics
from writer.rejections import Rejection, reason_name
from writer.retry import Backoff, Retry
from writer.waiting import Cause, Waiting

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
        self.inserts = 0
        self.certain = True
        self.refuses: Callable[[Row], bool] = lambda row: row[NAME] == "bad"

    def insert(self, rows: Sequence[Row]) -> None:
        if self.hang:
            self.hanging.set()
            self.aborted.wait(30)
            raise ClickHouseUnavailable("broken off")
        if self.faults:
            raise self.faults.pop(0)
        self.inserts += 1
        if any(map(self.refuses, rows)):
            raise RowsRefused("code 469", certain=self.certain)
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
    def __init__(self, share: float = 0.2, minimum: int = 10) -> None:
        self.registry = CollectorRegistry()
        catalogue = metrics(self.registry)
        clock = ManualClock(unix_ms=RECEIVED_AT_MS + 1500)
        self.table, self.rejected = MemoryTable(), MemoryRejected()
        self.waiting = Waiting(catalogue, clock.monotonic)
        pace = Backoff(0.0001, 0.001)
        self.delivery = Delivery(
            self.table,
            self.rejected,
            RecentlyWritten(1000),
            Retry(pace, self.waiting),
            Retry(pace, self.waiting, errors=(LineHeld,)),
            Breaker(share, minimum),
            catalogue,
            clock,
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"eventrail_writer_{name}", labels)


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_events_are_written_and_counted(rig: Rig, event: Event, source: Source) -> None:
    await rig.delivery.deliver(lambda: [source(event()) for _ in range(3)])
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
    await rig.delivery.deliver(lambda: [source(event()), garbage])
    assert [rejection.record for rejection in rig.rejected.rejections] == [garbage]
    assert len(rig.table.rows) == 1
    assert rig.value("rejected_total", reason="undecodable") == 1


async def test_only_garbage_is_no_insert(rig: Rig, source: Source) -> None:
    await rig.delivery.deliver(lambda: [source(b"\xff")])
    assert rig.value("inserts_total") == 0
    assert rig.value("age_seconds_count") == 0


async def test_refused_rows_are_rejected_with_their_own_record(
    rig: Rig, event: Event, source: Source
) -> None:
    bad = source(event(event_name="bad"), partition=4)
    await rig.delivery.deliver(lambda: [source(event()), bad, source(event(), partition=4)])
    [rejection] = rig.rejected.rejections
    assert rejection.record is bad
    assert reason_name(rejection.reason) == "insert_refused"
    assert rejection.detail == "code 469"
    assert len(rig.table.rows) == 2


async def test_copies_of_written_events_are_dropped(rig: Rig, event: Event, source: Source) -> None:
    copied = event()
    await rig.delivery.deliver(lambda: [source(copied)])
    await rig.delivery.deliver(lambda: [source(copied), source(event())])
    assert len(rig.table.rows) == 2
    assert rig.value("duplicates_total") == 1


async def test_a_refused_row_is_not_known_as_written(rig: Rig, event: Event, source: Source) -> None:
    bad = event(event_name="bad")
    await rig.delivery.deliver(lambda: [source(bad)])
    await rig.delivery.deliver(lambda: [source(bad)])
    assert len(rig.rejected.rejections) == 2


async def test_it_waits_for_both_backends(rig: Rig, event: Event, source: Source) -> None:
    rig.table.faults = [ClickHouseUnavailable("away"), TableFault("no table"), ClickHouseUnavailable("away")]
    rig.rejected.faults = [KafkaUnavailable("away")]
    await rig.delivery.deliver(lambda: [source(event()), source(b"\xff")])
    assert len(rig.table.rows) == len(rig.rejected.rejections) == 1
    assert rig.value("retries_total", cause="clickhouse") == 2
    assert rig.value("retries_total", cause="table") == 1
    assert rig.value("retries_total", cause="kafka") == 1


async def test_a_batch_that_was_written_is_forgotten_without_a_search_for_cycles(
    rig: Rig, event: Event, source: Source
) -> None:
    gc.collect()
    gc.disable()
    try:
        rig.table.insert = lambda _rows: None  # type: ignore[assignment, method-assign]
        records = [source(event()) for _ in range(3)]
        gone = weakref.ref(records[0])
        await rig.delivery.deliver(records.copy)
        records.clear()
        assert gone() is None
    finally:
        gc.enable()


async def test_what_was_made_ahead_is_written_and_copies_are_told_when_its_turn_comes(
    rig: Rig, event: Event, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(records: Sequence[Any], *days: Any) -> Block:
        made.append(len(records))
        return block(records, *days)

    monkeypatch.setattr("writer.delivery.block", counted)
    copied = event()
    ahead = [source(copied), source(event()), source(b"\xff")]
    rig.delivery.look_ahead(ahead)
    await rig.delivery.deliver(lambda: [source(copied)])
    rig.delivery.look_ahead(ahead)
    await rig.delivery.deliver(lambda: ahead)
    assert sorted(made) == [1, 3, 3]
    assert len(rig.table.rows) == 2
    assert rig.value("duplicates_total") == 1
    assert len(rig.rejected.rejections) == 1


async def test_what_was_made_ahead_of_other_records_is_not_written(
    rig: Rig, event: Event, source: Source
) -> None:
    ahead = [source(event()), source(event())]
    rig.delivery.look_ahead(ahead)
    ahead[0] = source(event())
    await rig.delivery.deliver(lambda: ahead)
    offsets = COLUMNS.index("enriched_offset")
    assert [row[offsets] for row in rig.table.rows] == [record.offset for record in ahead]


async def test_a_cancelled_delivery_breaks_its_insert_off(rig: Rig, event: Event, source: Source) -> None:
    rig.table.hang = True
    task = asyncio.create_task(rig.delivery.deliver(lambda: [source(event())]))
    await asyncio.to_thread(rig.table.hanging.wait, 30)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert rig.table.aborted.is_set()


class Line:
    """Records that a delivery stands for; `more` come with each time it is asked after the first."""

    def __init__(self, *records: Any) -> None:
        self.records = list(records)
        self.more: list[list[Any]] = []
        self.asked = 0
        self.then: Callable[[], None] = lambda: None

    def __call__(self) -> list[Any]:
        self.asked += 1
        if self.asked > 1:
            self.then()
            self.records += self.more.pop(0) if self.more else []
        return self.records


async def until_held(rig: Rig, line: Line) -> asyncio.Task[None]:
    """Begins a delivery and returns once it waits for the breaker and has tried three times."""
    task = asyncio.create_task(rig.delivery.deliver(line))
    async with asyncio.timeout(10):
        while line.asked < 4:  # noqa: ASYNC110 - the delivery under test has no event to wait for
            await asyncio.sleep(0.001)
    return task


def written(rig: Rig) -> int:
    return len({row[COLUMNS.index("event_id")] for row in rig.table.rows})


async def test_a_line_of_garbage_is_held_and_nothing_is_rejected(
    rig: Rig, event: Event, source: Source
) -> None:
    line = Line(*(source(b"\xff") for _ in range(10)), *(source(event()) for _ in range(10)))
    task = await until_held(rig, line)
    assert not rig.rejected.rejections
    assert not rig.table.rows
    assert rig.value("waiting", cause="breaker") == 1
    why = rig.waiting.why(Cause.BREAKER) or ""
    assert why.startswith(
        "more than 20% of the records are bad, so the fault is probably ours: first partition 0"
    )
    assert "offset 0: undecodable" in why
    assert "EVENTRAIL_WRITER_BREAKER_SHARE=1" in why
    task.cancel()
    await asyncio.wait([task])
    assert rig.rejected.rejections == []
    assert rig.value("waiting", cause="breaker") == 0


async def test_what_a_newer_enricher_writes_holds_the_line_and_the_newer_writer_takes_it(
    rig: Rig, event: Event, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(*(source(event(visitor_source=99)) for _ in range(30)))
    task = await until_held(rig, line)
    assert not rig.rejected.rejections
    assert "invalid: visitor_source 99 is not known" in (rig.waiting.why(Cause.BREAKER) or "")
    monkeypatch.setattr("eventrail.rows.events.VISITOR_SOURCES", frozenset({0, 99}))
    await asyncio.wait_for(task, 10)
    assert not rig.rejected.rejections
    assert len(rig.table.rows) == 30


async def test_bad_ones_among_more_good_ones_that_come_flow(rig: Rig, event: Event, source: Source) -> None:
    line = Line(*(source(b"\xff") for _ in range(10)))
    line.more = [[source(event()) for _ in range(20)] for _ in range(2)]
    await asyncio.wait_for(rig.delivery.deliver(line), 10)
    assert line.asked == 3
    assert len(rig.rejected.rejections) == 10
    assert len(rig.table.rows) == 40
    assert rig.value("waiting", cause="breaker") == 0


async def test_rows_that_the_engine_refuses_hold_the_line_until_the_cause_is_mended(
    rig: Rig, event: Event, source: Source
) -> None:
    names = ["bad" if number % 3 == 0 else "good" for number in range(300)]
    line = Line(*(source(event(event_name=name)) for name in names))
    task = await until_held(rig, line)
    assert rig.rejected.rejections == []
    rig.table.refuses = lambda _row: False
    await asyncio.wait_for(task, 10)
    assert rig.rejected.rejections == []
    assert written(rig) == len(rig.table.rows) == 300
    assert rig.value("rows_inserted_total") == 300


async def test_a_block_that_is_bad_all_through_is_seen_in_few_inserts(
    rig: Rig, event: Event, source: Source
) -> None:
    rig.table.refuses = lambda _row: True
    line = Line(*(source(event()) for _ in range(5000)))
    line.then = lambda: setattr(rig.table, "refuses", lambda _row: False)
    await asyncio.wait_for(rig.delivery.deliver(line), 30)
    assert line.asked == 2
    assert rig.table.inserts < 60
    assert rig.delivery.steps == rig.table.inserts - 2
    assert len(rig.table.rows) == 5000


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("per_probe", [100, 300, 1000])
async def test_refused_rows_that_turn_out_to_be_few_are_rejected(
    event: Event, source: Source, per_probe: int, certain: bool
) -> None:
    """What the first probes wrote comes back as copies: they count as good, or the line would be held for ever."""
    rig = Rig(minimum=100)
    rig.table.certain = certain
    names = ["good"] * 100 + ["bad"] * 120
    line = Line(*(source(event(event_name=name)) for name in names))
    line.more = [[source(event()) for _ in range(per_probe)] for _ in range(20)]
    async with asyncio.timeout(20):
        await rig.delivery.deliver(line)
    assert len(rig.rejected.rejections) == 120
    assert len(line.records) <= 600 + per_probe, "120 are 20 % of 600"
    assert written(rig) == len(rig.table.rows) == len(line.records) - 120


async def test_a_cause_is_not_in_doubt_where_an_earlier_probe_wrote_the_others_of_the_batch(
    event: Event, source: Source
) -> None:
    rig = Rig(minimum=3)
    rig.table.certain = False
    good = [event() for _ in range(10)]
    bad = [source(b"\xff"), source(b"\xff"), source(event(event_name="bad"))]
    line = Line(*map(source, good), *bad)
    # Held for its share first; then copies come, so that the refused row is the only one to insert.
    line.more = [[source(copied) for copied in good]]
    await asyncio.wait_for(rig.delivery.deliver(line), 10)
    assert line.asked == 2
    assert len(rig.rejected.rejections) == 3
    assert len(rig.table.rows) == 10


@pytest.mark.parametrize("count", [1, 50])
async def test_a_cause_in_doubt_holds_the_line_until_another_row_is_accepted(
    rig: Rig, event: Event, source: Source, count: int
) -> None:
    rig.table.certain = False
    line = Line(source(event(event_name="bad")))
    line.more = [[], [], [], [source(event()) for _ in range(count)]]
    task = await until_held(rig, line)
    assert "no row is accepted" in (rig.waiting.why(Cause.BREAKER) or "")
    assert rig.rejected.rejections == []
    await asyncio.wait_for(task, 10)
    assert len(rig.rejected.rejections) == 1
    assert len(rig.table.rows) == count


async def test_a_person_may_decide_that_they_are_really_bad(event: Event, source: Source) -> None:
    rig = Rig(share=1)
    rig.table.certain = False
    bad = [source(event(event_name="bad")) for _ in range(40)]
    await rig.delivery.deliver(lambda: [*bad, *(source(b"\xff") for _ in range(40))])
    assert len(rig.rejected.rejections) == 80


async def test_bad_records_that_come_in_small_batches_open_the_breaker_too(
    rig: Rig, event: Event, source: Source
) -> None:
    for _ in range(100):
        await rig.delivery.deliver(lambda: [source(event()) for _ in range(10)])
    for _ in range(10):
        await asyncio.wait_for(rig.delivery.deliver(lambda: [source(b"\xff")]), 10)
    task = await until_held(rig, Line(source(b"\xff")))
    assert rig.value("waiting", cause="breaker") == 1
    task.cancel()
    await asyncio.wait([task])


async def test_a_table_that_came_back_without_an_event_gets_it_from_its_next_copy(
    rig: Rig, event: Event, source: Source
) -> None:
    """An engine that was away may have been given an older backup; then a replay sends copies of known events."""
    lost, other = event(), event()
    await rig.delivery.deliver(lambda: [source(lost)])
    rig.table.rows.clear()
    rig.table.faults = [ClickHouseUnavailable("restarting")]
    await rig.delivery.deliver(lambda: [source(other)])
    await rig.delivery.deliver(lambda: [source(lost)])
    assert len(rig.table.rows) == 2
    assert rig.value("duplicates_total") == 0
