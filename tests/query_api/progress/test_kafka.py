"""Surveys of the real broker; enricher and writer are commits that the test makes."""

from functools import partial
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from eventrail.checkpoints import Span
from eventrail.clock import SystemClock
from eventrail.errors import TopicMissing
from eventrail.kafka.records import Record, send
from eventrail.spools.reports import report
from eventrail.spools.topic import SpoolsTopic
from query_api.metrics import Metrics
from query_api.progress.kafka import KafkaSurveyor, Sources, surveyor
from query_api.progress.tracked import TrackedProgress
from query_api.progress.watching import watching
from tests.query_api.progress.conftest import Brook, surveys, until

pytestmark = pytest.mark.stack


def now_ms() -> int:
    return SystemClock().now_ms()


def after(progress: TrackedProgress, moment_ms: int) -> bool:
    return (progress.data_through_ms() or 0) > moment_ms


async def test_it_moves_while_nothing_flows_and_idle_partitions_do_not_hold_it(brook: Brook) -> None:
    progress = TrackedProgress(SystemClock())
    async with brook.watched(progress):
        for_ever_idle = now_ms()
        await until(partial(after, progress, for_ever_idle))
        token = await brook.accept(partition=1)
        assert not await progress.wait_for(token, 0.3)
        held_at = progress.data_through_ms()
        await brook.enrich(token, partition=0)
        assert not await progress.wait_for(token, 0.3)
        assert progress.data_through_ms() == held_at
        await brook.write()
        assert await progress.wait_for(token, 10)
        moment = now_ms()
        await until(partial(after, progress, moment))
        assert progress.held_by() == ()


async def test_a_stopped_enricher_holds_it_by_name_and_lets_it_go_on(
    brook: Brook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query_api.progress.tracked.HELD_SECONDS", 0.3)
    progress = TrackedProgress(SystemClock())
    async with brook.watched(progress):
        await until(progress.data_through_ms)
        token = [await brook.accept() for _ in range(3)][-1]
        accepted = now_ms()
        await until(progress.held_by)
        await until(lambda: progress.held_by() == ("enricher: partition 0 is 3 records behind",))
        assert (progress.data_through_ms() or 0) < accepted
        await brook.enrich(token)
        await until(lambda: progress.held_by() == ("writer: partition 0 is 1 record behind",))
        await brook.write()
        await until(partial(after, progress, accepted))


async def test_the_clock_of_a_collector_does_not_matter(brook: Brook) -> None:
    progress = TrackedProgress(SystemClock())
    async with brook.watched(progress):
        for wrong in (-30_000, 30_000):
            token = await brook.accept(clock_off_ms=wrong)
            accepted = now_ms()
            await surveys(progress)
            assert (progress.data_through_ms() or 0) < accepted
            await brook.enrich(token)
            await brook.write()
            await until(partial(after, progress, accepted))


async def test_a_group_that_was_set_back_and_a_new_partition(brook: Brook) -> None:
    progress = TrackedProgress(SystemClock())
    async with brook.watched(progress):
        token = await brook.accept()
        await brook.enrich(token)
        await brook.write()
        assert await progress.wait_for(token, 10)
        await brook.commit(brook.sources.writer_group, {TopicPartition(brook.sources.enriched, 0): 0})
        await until(lambda: progress.data_through_ms() is None)
        assert not await progress.wait_for(token, 0)
        await brook.write()
        assert await progress.wait_for(token, 10)
        await brook.add_partition(brook.sources.raw)
        newer = await brook.accept(partition=2)
        accepted = now_ms()
        assert not await progress.wait_for(newer, 0.3)
        assert (progress.data_through_ms() or 0) < accepted
        await brook.commit(brook.sources.enricher_group, {TopicPartition(brook.sources.raw, 2): 1})
        assert await progress.wait_for(newer, 10)


async def test_a_topic_that_is_created_anew_begins_anew(brook: Brook) -> None:
    progress = TrackedProgress(SystemClock())
    async with brook.watched(progress):
        token = [await brook.accept() for _ in range(3)][-1]
        await brook.enrich(token)
        await brook.write()
        assert await progress.wait_for(token, 10)
        await brook.delete(brook.sources.raw)
        await until(lambda: "does not exist" in "".join(progress.held_by()))
        await brook.make(brook.sources.raw)
        await until(lambda: progress.fault is None and progress.data_through_ms() is not None)
        assert not await progress.wait_for(token, 0.2)


async def test_a_spool_holds_it_until_it_was_empty_afterwards(
    brook: Brook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("query_api.progress.tracked.HELD_SECONDS", 0.3)

    async def tell(value: bytes | None) -> int:
        return (await send(brook.sender, brook.sources.spools, 0, [Record(value, key=b"ab12")]))[0].offset

    last = await tell(report(12, None, "collector-0"))
    progress = TrackedProgress(SystemClock())
    async with brook.watched(progress):
        await until(lambda: progress.held_by() and progress.fault is None)
        assert progress.data_through_ms() is None
        (line,) = progress.held_by()
        assert line.startswith("collector spool ab12 on collector-0: holds 12 events")
        first_empty = now_ms()
        last = await tell(report(0, last, "collector-0"))
        await surveys(progress)  # that report was made before the moments that wait now
        assert (progress.data_through_ms() or 0) < first_empty
        last = await tell(report(0, last, "collector-0"))
        await until(progress.data_through_ms)
        assert [spool.id for spool in progress.lag().survey.spools] == ["ab12"]  # type: ignore[union-attr]
        await tell(None)
        ended = now_ms()
        await until(partial(after, progress, ended))


async def test_without_its_topics_it_says_which_is_missing(kafka: str, brook: Brook) -> None:
    async with surveyor(
        brook.settings, Sources(raw="nowhere", spools=brook.sources.spools), SystemClock()
    ) as asking:
        with pytest.raises(
            TopicMissing, match="nowhere does not exist; run: python -m eventrail topics create"
        ):
            await asking.survey()


class Recorded:
    """Answers as consumer and admin client do, and keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ends = {"raw": [5, 7], "enriched": [3], "spools": [0]}
        self.commits = {"enricher": 6, "writer": 9}

    async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        self.asked += [f"partitions of {name}" for name in names]
        return [{"topic": name, "error_code": 0, "partitions": [{"partition": 0}]} for name in names]

    async def list_consumer_group_offsets(self, group: str, partitions: list[TopicPartition]) -> Any:
        self.asked.append(f"commits of {group}")
        return {one: type("Entry", (), {"offset": self.commits[group]}) for one in partitions}

    async def beginning_offsets(self, wanted: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(wanted, 0)

    async def end_offsets(self, wanted: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked.append(f"end of {wanted[0].topic}")
        known = self.ends[wanted[0].topic]
        return dict.fromkeys(wanted, known.pop(0) if len(known) > 1 else known[0])

    async def position(self, _partition: TopicPartition) -> int:
        return 0

    def assign(self, _partitions: list[TopicPartition]) -> None: ...

    def seek(self, _partition: TopicPartition, _offset: int) -> None: ...


async def test_the_questions_come_in_the_order_that_the_promise_needs() -> None:
    broker = Recorded()
    sources = Sources("raw", "enriched", "spools", "enricher", "writer")
    spools = SpoolsTopic(broker, broker, sources.spools)
    found = await KafkaSurveyor(broker, broker, spools, sources, SystemClock()).survey()
    order = [line for line in broker.asked if line != "partitions of spools"]
    assert order == [
        "end of spools",
        "partitions of raw",
        "end of raw",
        "commits of enricher",
        "end of raw",  # the commit lies behind the end that was told before: the log has grown
        "partitions of enriched",
        "end of enriched",
        "commits of writer",
        "end of enriched",
    ]
    assert found.raw == {0: Span(0, 5)}
    assert found.enricher == {0: 6}
    assert found.writer == {}  # behind the end also now: of a topic that is no more


async def test_a_survey_is_cheap(brook: Brook) -> None:
    """Bounded loosely; the figure is for docs/data-through.md."""
    clock, metrics = SystemClock(), Metrics(CollectorRegistry())
    progress = TrackedProgress(clock)
    done = metrics.surveys.labels("done")
    async with watching(progress, lambda: surveyor(brook.settings, brook.sources, clock), 0.001, metrics):
        await until(lambda: done._value.get() >= 5)
        before, began = done._value.get(), clock.monotonic()
        await until(lambda: done._value.get() >= before + 20)
        each = (clock.monotonic() - began) / (done._value.get() - before)
    print(f"\na survey takes {each * 1000:.1f} ms")  # noqa: T201
    assert each < 0.5
