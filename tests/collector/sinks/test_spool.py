"""What the spool does with a broker that comes and goes, and with a disk that fails; the broker is in memory here."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from collector.metrics import Metrics
from collector.sinks import Placed, Published
from collector.sinks.memory import MemorySink
from collector.sinks.spool import BROKEN, CLOSED, FULL, UNREGISTERED, SpoolBounds, SpoolSink
from collector.sinks.spool_file import SpoolBroken, SpoolFile, SpoolFull
from collector.sinks.spool_thread import SpoolThread
from eventrail.clock import SystemClock
from eventrail.contract.codec import decode_raw
from eventrail.contract.v1.raw_pb2 import RawEvent

PARTITIONS = 3
ALL = dict.fromkeys(range(PARTITIONS), "Kafka is away")


class Broker(MemorySink):
    """A broker that can be away, silent (it takes nothing and says so late) or held in the middle of a publish."""

    def __init__(self) -> None:
        super().__init__(PARTITIONS)
        self.away: str | None = None
        self.go = asyncio.Event()
        self.go.set()
        self.calls = 0

    def trouble(self) -> str | None:
        return self.away or super().trouble()

    async def publish(self, events: Sequence[Placed]) -> Published:
        self.calls += 1
        await self.go.wait()
        await asyncio.sleep(0)
        return await super().publish(events)

    def names(self) -> list[str]:
        """Of all partitions, in the order of each."""
        return [
            event.event_id
            for chunks in self.chunks.values()
            for chunk in chunks
            for event in decode_raw(chunk)
        ]


@pytest_asyncio.fixture
async def broker() -> Broker:
    return Broker()


@pytest.fixture
def file(tmp_path: Path) -> SpoolFile:
    return SpoolFile(tmp_path / "spool", 4 * 1024 * 1024, SystemClock())


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest_asyncio.fixture
async def sink(broker: Broker, file: SpoolFile, metrics: Metrics) -> AsyncIterator[SpoolSink]:
    bounds = SpoolBounds(4 * 1024 * 1024, batch_events=20, farewell=0.1)
    made = SpoolSink(broker, SpoolThread(file), bounds, metrics, SystemClock())
    made.open()
    yield made
    await made.close()


def event(name: str, key: int = 0, size: int = 0) -> Placed:
    return Placed(key, RawEvent(event_id=name, event_data="x" * size).SerializeToString())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - plain values
            await asyncio.sleep(0.001)


def value(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(f"eventrail_collector_{name}") or 0.0


async def test_while_kafka_is_there_the_disk_is_not_touched(
    sink: SpoolSink, broker: Broker, metrics: Metrics
) -> None:
    done = await sink.publish([event("a"), event("b", 1)])
    assert (done.on_disk, done.offsets) == (False, {0: 0, 1: 0})
    assert value(metrics, "spooled_events_total") == 0


async def test_what_kafka_does_not_take_is_on_disk_and_arrives_when_it_is_back(
    sink: SpoolSink, broker: Broker, metrics: Metrics
) -> None:
    broker.away = "no answer from Kafka"
    done = await sink.publish([event("a"), event("b")])
    assert (done.on_disk, done.failures, done.offsets) == (True, {}, {})
    assert (broker.calls, value(metrics, "spool_events"), value(metrics, "spooled_events_total")) == (0, 2, 2)
    assert 0 < value(metrics, "spool_bytes") < value(metrics, "spool_limit_bytes") == 4 * 1024 * 1024
    assert "2 events wait on disk" in await sink.check()
    assert sink.trouble() is None
    broker.away = None
    await until(lambda: not sink.waiting)
    assert broker.names() == ["a", "b"]
    assert (value(metrics, "drained_events_total"), value(metrics, "spool_oldest_seconds")) == (2, 0)
    assert not (await sink.publish([event("c")])).on_disk


async def test_until_it_is_registered_nothing_is_answered_from_disk(
    broker: Broker, file: SpoolFile, metrics: Metrics
) -> None:
    why: list[str | None] = ["Kafka has not acknowledged it yet"]
    sink = SpoolSink(
        broker, SpoolThread(file), SpoolBounds(4 * 1024 * 1024), metrics, SystemClock(), lambda: why[0]
    )
    sink.open()
    assert (await sink.publish([event("a")])).offsets == {0: 0}
    broker.refuse = {0: "slow"}
    assert (await sink.publish([event("b", 0), event("c", 1)])).failures == {0: "slow"}
    broker.away = "away"
    assert sink.trouble() == UNREGISTERED
    assert (await sink.publish([event("d")])).failures == {0: UNREGISTERED}
    assert await sink.check() == f"the spool takes no events, it is not registered: {why[0]}"
    assert value(metrics, "spool_events") == 0
    why[0] = None
    assert sink.trouble() is None
    assert (await sink.publish([event("e")])).on_disk
    await sink.close()


async def test_what_an_older_collector_left_leaves_also_while_it_is_not_registered(
    broker: Broker, file: SpoolFile, metrics: Metrics
) -> None:
    file.write([event("old")])
    broker.go.clear()
    bounds = SpoolBounds(4 * 1024 * 1024)
    sink = SpoolSink(broker, SpoolThread(file), bounds, metrics, SystemClock(), lambda: "not yet")
    sink.open()
    await until(lambda: broker.calls)
    assert (sink.unsettled, sink.trouble()) == (1, UNREGISTERED)
    assert (await sink.publish([event("new")])).failures == {0: UNREGISTERED}
    broker.go.set()
    await until(lambda: not sink.unsettled)
    assert (await sink.publish([event("newer")])).failures == {}
    assert broker.names() == ["old", "newer"]
    await sink.close()


async def test_only_the_events_that_failed_go_to_disk(sink: SpoolSink, broker: Broker) -> None:
    broker.refuse = {1: "not acknowledged in time"}
    done = await sink.publish([event(f"e{n}", n) for n in range(6)])
    assert (done.on_disk, done.failures, set(done.offsets)) == (True, {}, {0, 2})
    broker.refuse = {}
    await until(lambda: not sink.waiting)
    assert sorted(broker.names()) == [f"e{n}" for n in range(6)]


async def test_new_events_stay_behind_those_of_the_spool(sink: SpoolSink, broker: Broker) -> None:
    broker.away = "away"
    for n in range(200):
        await sink.publish([event(f"{n:04}")])
    broker.away = None
    sent = 200
    while sink.waiting:
        await sink.publish([event(f"{sent:04}")])
        sent += 1
    assert not (await sink.publish([event(f"{sent:04}")])).on_disk
    assert broker.names() == [f"{n:04}" for n in range(sent + 1)]


async def test_under_steady_load_the_short_way_is_found_again(sink: SpoolSink, broker: Broker) -> None:
    """More comes in at each moment than a batch of the spool takes out: it ends all the same."""
    broker.away = "away"
    stop = asyncio.Event()
    pauses = random.Random(7)
    by_key: dict[int, int] = dict.fromkeys(range(30), 0)
    ways: list[bool] = []

    async def visitor(key: int) -> None:
        while not stop.is_set():
            done = await sink.publish([event(f"{key:02}-{by_key[key]:05}", key)])
            assert done.failures == {}
            ways.append(done.on_disk)
            by_key[key] += 1
            await asyncio.sleep(pauses.random() / 100)

    visitors = [asyncio.create_task(visitor(key)) for key in by_key]
    await until(lambda: len(ways) > 500)
    broker.away = None
    await until(lambda: len(ways) > 1000 and not any(ways[-200:]))
    stop.set()
    await asyncio.gather(*visitors)
    assert sink.waiting == 0
    names = broker.names()
    assert len(names) == sum(by_key.values())
    for key in by_key:
        own = [name for name in names if name.startswith(f"{key:02}-")]
        assert own == sorted(own)


async def test_a_broker_that_fails_in_the_middle_of_the_drain_gets_only_the_rest_again(
    sink: SpoolSink, broker: Broker
) -> None:
    broker.away = "away"
    await sink.publish([event(f"{n:03}", n % PARTITIONS) for n in range(120)])
    broker.refuse = {1: "slow"}
    broker.away = None
    await until(lambda: len(broker.names()) >= 13)
    assert not any(int(name) % PARTITIONS == 1 for name in broker.names())
    assert (await sink.publish([event("120", 0)])).on_disk
    broker.refuse = {}
    await until(lambda: not sink.waiting)
    assert sorted(broker.names()) == [f"{n:03}" for n in range(121)]


async def test_what_is_left_at_the_stop_is_there_at_the_next_start(
    sink: SpoolSink, broker: Broker, tmp_path: Path
) -> None:
    broker.away = "away"
    await sink.publish([event(f"{n:03}") for n in range(100)])
    await sink.close()
    back = Broker()
    file = SpoolFile(tmp_path / "spool", 4 * 1024 * 1024, SystemClock())
    metrics = Metrics()
    again = SpoolSink(back, SpoolThread(file), SpoolBounds(4 * 1024 * 1024), metrics, SystemClock())
    assert value(metrics, "spool_events") == 100
    again.open()
    assert (await again.publish([event("100")])).on_disk
    await until(lambda: not again.waiting)
    assert back.names() == [f"{n:03}" for n in range(101)]
    await again.close()


async def test_a_stop_empties_the_spool_while_kafka_is_there(
    broker: Broker, file: SpoolFile, metrics: Metrics
) -> None:
    bounds = SpoolBounds(4 * 1024 * 1024, batch_events=10, farewell=10)
    sink = SpoolSink(broker, SpoolThread(file), bounds, metrics, SystemClock())
    broker.away = "away"
    sink.open()
    await sink.publish([event(f"{n:03}") for n in range(100)])
    broker.away = None
    await sink.close()
    assert len(broker.names()) == 100


async def test_a_full_spool_refuses_at_once_and_takes_again(sink: SpoolSink, broker: Broker) -> None:
    broker.away = "away"
    taken = 0
    while not (done := await sink.publish([event("x", 0, 4000)] * 20)).failures:
        taken += 20
    assert taken > 500
    assert done == Published(dict.fromkeys(range(20), FULL))
    broker.away = None
    await until(lambda: not sink.waiting)
    assert len(broker.names()) == taken
    assert (await sink.publish([event("y")])).failures == {}


async def test_a_disk_that_fails_costs_the_answers_that_need_it_alone(
    sink: SpoolSink, broker: Broker, file: SpoolFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise SpoolBroken("disk I/O error")

    broker.away = "away"
    with monkeypatch.context() as patched:
        patched.setattr(file, "write", fail)
        assert (await sink.publish([event("a")])).failures == {0: BROKEN}
        assert sink.trouble() == BROKEN
        assert "disk I/O error" in await sink.check()
        broker.away = None
        assert sink.trouble() is None
        assert (await sink.publish([event("b")])).failures == {}
    broker.away = "away"
    assert (await sink.publish([event("c")])).on_disk
    assert "disk I/O error" not in await sink.check()


@pytest.mark.parametrize("kind", [SpoolBroken, SpoolFull, ZeroDivisionError])
async def test_what_cannot_be_taken_out_is_published_once_and_taken_out_later(
    sink: SpoolSink,
    broker: Broker,
    file: SpoolFile,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Exception],
) -> None:
    """SQLite says the same of a full disk as of a file that may not grow."""

    def fail(*_: object) -> None:
        raise kind("database or disk is full")

    broker.away = "away"
    await sink.publish([event(f"{n}") for n in range(5)])
    with monkeypatch.context() as patched:
        patched.setattr(file, "write", fail)
        broker.away = None
        await until(broker.names)
        calls = broker.calls
        await until(lambda: not sink.waiting)
        assert not (await asyncio.wait_for(sink.publish([event("5")]), 5)).on_disk
    assert (broker.names(), broker.calls) == (["0", "1", "2", "3", "4", "5"], calls + 1)


async def test_a_fault_of_the_sink_behind_does_not_end_the_drain(
    sink: SpoolSink, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0

    async def fail(*_: object) -> Published:
        nonlocal tried
        tried += 1
        raise ZeroDivisionError("a bug")

    broker.away = "away"
    await sink.publish([event("a")])
    with monkeypatch.context() as patched:
        patched.setattr(broker, "publish", fail)
        broker.away = None
        assert (await sink.publish([event("b")])).on_disk
        await until(lambda: tried > 1)
    await until(lambda: not sink.waiting)
    assert broker.names() == ["a", "b"]


async def test_after_a_damage_the_rest_goes_on(sink: SpoolSink, broker: Broker, tmp_path: Path) -> None:
    broker.away = "away"
    await sink.publish([event("lost", size=1000)])
    await sink.close()
    path = tmp_path / "spool" / "spool.sqlite3"
    path.write_bytes(path.read_bytes().replace(b"x" * 1000, b"x" * 999 + b"y"))
    back = Broker()
    file = SpoolFile(tmp_path / "spool", 4 * 1024 * 1024, SystemClock())
    again = SpoolSink(back, SpoolThread(file), SpoolBounds(4 * 1024 * 1024), Metrics(), SystemClock())
    again.open()
    await until(lambda: not again.waiting)
    assert [name for name in (tmp_path / "spool").iterdir() if ".damaged-" in name.name]
    assert back.names() == []
    assert (await again.publish([event("next")])).failures == {}
    await again.close()
    assert back.names() == ["next"]


async def test_what_kafka_fails_during_the_close_goes_to_disk(
    sink: SpoolSink, broker: Broker, tmp_path: Path
) -> None:
    broker.go.clear()
    publishing = asyncio.create_task(sink.publish([event("a")]))
    await until(lambda: broker.calls)
    closing = asyncio.create_task(sink.close())
    await until(lambda: sink.trouble() == CLOSED)
    broker.refuse = ALL
    broker.go.set()
    assert (await publishing).on_disk
    await closing
    file = SpoolFile(tmp_path / "spool", 4 * 1024 * 1024, SystemClock())
    assert file.held().events == 1
    file.close()


async def test_after_the_close_nothing_is_taken(sink: SpoolSink) -> None:
    await sink.close()
    assert (await sink.publish([event("a")])).failures == {0: CLOSED}
    assert sink.trouble() == CLOSED


async def test_what_is_kept_on_a_full_disk_is_taken_out_when_there_is_room_again(
    sink: SpoolSink, broker: Broker, file: SpoolFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise SpoolFull("database or disk is full")

    broker.away = "away"
    await sink.publish([event(f"{n:02}") for n in range(50)])
    with monkeypatch.context() as patched:
        patched.setattr(file, "write", fail)
        patched.setattr(file, "_replace", lambda: None)
        broker.away = None
        await until(lambda: not sink.waiting)
        assert (sink.held.events, sink.held.kept) == (0, 50)
        assert "disk is full" in await sink.check()
        assert (await sink.publish([event("50")])).offsets
    await until(lambda: not sink.held.kept)
    await until(lambda: not sink._fault)
    assert (broker.names(), await sink.check()) == ([f"{n:02}" for n in range(51)], "ok")


async def test_a_disk_that_hangs_costs_the_answer_and_not_the_request(
    broker: Broker, file: SpoolFile, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = SpoolBounds(4 * 1024 * 1024, farewell=0.1, patience=0.2)
    sink = SpoolSink(broker, SpoolThread(file), bounds, metrics, SystemClock())
    sink.open()
    answers, write = threading.Event(), file.write

    def hang(events: Sequence[Placed], forget: int = 0) -> None:
        answers.wait()
        write(events, forget)

    monkeypatch.setattr(file, "write", hang)
    broker.away = "away"
    assert (await asyncio.wait_for(sink.publish([event("a")]), 5)).failures == {0: BROKEN}
    assert "did not answer within" in await sink.check()
    assert sink._unwritten_bytes > 0
    broker.away = None
    assert (await sink.publish([event("b")])).offsets
    answers.set()
    await until(lambda: broker.names() == ["b", "a"])
    assert sink._unwritten_bytes == 0
    await until(lambda: not sink.waiting)
    answers.clear()
    broker.away = "away"
    assert (await sink.publish([event("c")])).failures == {0: BROKEN}
    await asyncio.wait_for(sink.close(), 5)
    answers.set()


class Slow(Broker):
    """Each publish waits until it is given up, or let through by `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[asyncio.Future[str]] = []

    async def publish(self, events: Sequence[Placed]) -> Published:
        if self.go.is_set():
            return await super().publish(events)
        fate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting.append(fate)
        return Published(dict.fromkeys(range(len(events)), await fate))

    def give_up(self) -> None:
        for fate in self.waiting:
            if not fate.done():
                fate.set_result("given up")


@pytest.mark.parametrize("sign", ["silence", "the first deadline", "a later deadline", "a full queue"])
async def test_what_was_on_its_way_to_kafka_goes_first_when_an_outage_begins(
    file: SpoolFile, metrics: Metrics, sign: str
) -> None:
    slow = Slow()
    sink = SpoolSink(slow, SpoolThread(file), SpoolBounds(4 * 1024 * 1024), metrics, SystemClock())
    slow.go.clear()
    publishing = [asyncio.create_task(sink.publish([event(f"{n}")])) for n in range(5)]
    await until(lambda: len(slow.waiting) == 5)
    if sign == "silence":
        slow.away = "Kafka does not answer"
    elif sign == "a full queue":
        publishing.append(asyncio.create_task(sink.publish([event("5")])))
        await until(lambda: len(slow.waiting) == 6)
        slow.waiting[5].set_result("the queue is full")
    else:
        slow.waiting[0 if sign == "the first deadline" else 3].set_result("late")
    await asyncio.sleep(0)
    publishing += [asyncio.create_task(sink.publish([event(f"{n}")])) for n in range(len(publishing), 9)]
    done = await asyncio.wait_for(asyncio.gather(*publishing), 5)
    assert [published.on_disk for published in done] == [True] * 9
    slow.away = None
    slow.go.set()
    sink.open()
    await until(lambda: not sink.waiting)
    assert slow.names() == [f"{n}" for n in range(9)]
    await sink.close()
