import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from enricher import intake as intake_module
from enricher import pipeline
from enricher.chunk import RawRecord
from enricher.intake import Ends, Intake
from enricher.lookups.salts import DaySalts
from enricher.metrics import Metrics
from enricher.publisher import Parcel
from enricher.sessions import Sessions
from enricher.waits import Waits
from enricher.world import World
from eventrail.breaker import Breaker
from eventrail.clock import ManualClock
from eventrail.contract.codec import decode_enriched
from eventrail.contract.topics import ENRICHED, REJECTED, SESSIONS_CHANGELOG
from eventrail.contract.v1.raw_pb2 import RawEvent, RawEvents
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.records import Acknowledged, Record
from eventrail.sealing import AddressOpener

NOW = 1_780_056_000_000
Make = Callable[..., RawEvent]


class Log:
    """The raw topic, in memory: a Source that notes what it was asked for."""

    def __init__(self) -> None:
        self.found: dict[int, Ends] = {0: Ends(None, 0, 100), 1: Ends(None, 0, 100)}
        self.seeks: list[dict[int, int]] = []
        self.commits: list[dict[int, int]] = []
        self.ours = True
        self.away = False

    async def ends(self, partitions: Sequence[int]) -> dict[int, Ends]:
        self._answer()
        return {number: self.found[number] for number in partitions}

    async def seek(self, offsets: Mapping[int, int]) -> None:
        self._answer()
        self.seeks.append(dict(offsets))

    async def commit(self, offsets: Mapping[int, int]) -> bool:
        self._answer()
        if self.ours:
            self.commits.append(dict(offsets))
        return self.ours

    def _answer(self) -> None:
        if self.away:
            raise KafkaUnavailable("away")


class Broker:
    """A publisher whose acknowledgements can be held back."""

    def __init__(self) -> None:
        self.published: list[Sequence[Parcel]] = []
        self.acknowledging = asyncio.Event()
        self.acknowledging.set()
        self.failures: list[Exception] = []
        self.offset = 0

    async def publish(
        self, address: Callable[[], Awaitable[Sequence[Parcel]]], wanted: Callable[[], bool]
    ) -> list[Acknowledged] | None:
        parcels = await address()
        self.published.append(parcels)
        if self.failures:
            raise self.failures.pop()
        await self.acknowledging.wait()
        made = []
        for parcel in parcels:
            made.append(Acknowledged(parcel.topic, parcel.partition, self.offset, len(parcel.records)))
            self.offset += len(parcel.records)
        return made

    async def partition_count(self, _topic: str) -> int:
        return 4

    def records(self, topic: str) -> list[Record]:
        return [
            record
            for parcels in self.published
            for parcel in parcels
            if parcel.topic == topic
            for record in parcel.records
        ]

    def event_ids(self) -> list[str]:
        return sorted(decode_enriched(record.value).event_id for record in self.records(ENRICHED.name))


class Rig:
    def __init__(self, world: World) -> None:
        self.log, self.broker = Log(), Broker()
        self.metrics, self.clock, self.sessions = Metrics(), ManualClock(unix_ms=NOW), Sessions()
        self.waits = Waits(self.metrics, self.clock)
        publisher: Any = self.broker
        self.breaker = Breaker(0.2, 4)
        self.spans: list[tuple[str, str, int, int]] = []
        traces: Any = self
        self.intake = Intake(
            self.log,
            world,
            self.sessions,
            publisher,
            self.waits,
            self.metrics,
            self.clock,
            self.breaker,
            traces,
        )

    def ended(self, name: str, traceparent: str, began_ms: int, attributes: Any) -> None:
        self.spans.append((name, traceparent, began_ms, attributes["eventrail.events"]))

    async def begin(self, generation: int = 1, partitions: Sequence[int] = (0, 1)) -> None:
        await self.intake.begin(generation, list(partitions))

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"eventrail_enricher_{name}", labels)


@pytest.fixture
async def rig(world: World) -> AsyncIterator[Rig]:
    made = Rig(world)
    task = asyncio.create_task(made.intake.work())
    yield made
    task.cancel()
    await asyncio.wait([task])


def record(offset: int, *events: RawEvent, partition: int = 0, generation: int = 1) -> RawRecord:
    return RawRecord(partition, offset, generation, None, RawEvents(events=events).SerializeToString())


async def test_states_that_grow_crowded_are_committed_before_it_goes_on(
    rig: Rig, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enricher.checkpoints.CROWDED_BYTES", 200)
    monkeypatch.setattr(intake_module, "_COMMIT_PAUSE_SECONDS", 0)
    await rig.begin()
    rig.log.away = True
    for offset in range(8):
        await rig.intake.take(record(offset, make_raw(offset, timestamp_ms=NOW + offset)))
        for _ in range(50):
            await asyncio.sleep(0)
    # Some fit; then nothing more is done as long as nothing can be committed.
    done = rig.intake.account.done[0]
    assert 1 < done < 8
    rig.log.away = False
    await rig.until(lambda: rig.intake.account.done[0] == 8)
    assert rig.log.commits[0] == {0: done}
    [value] = rig.sessions.of(0).states.values()
    assert len(value) < 400


async def test_a_record_is_done_only_when_all_that_came_of_it_is_acknowledged(
    rig: Rig, make_raw: Make
) -> None:
    await rig.begin()
    rig.broker.acknowledging.clear()
    await rig.intake.take(record(0, make_raw(1), make_raw(2, event_name="")))
    await rig.until(lambda: rig.broker.published)
    assert {parcel.topic for parcel in rig.broker.published[0]} == {
        ENRICHED.name,
        REJECTED.name,
        SESSIONS_CHANGELOG.name,
    }
    await rig.intake.commit()
    assert rig.log.commits == []
    assert len(rig.sessions) == 0
    rig.broker.acknowledging.set()
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    await rig.intake.commit()
    await rig.intake.commit()
    assert rig.log.commits == [{0: 1}]
    assert len(rig.sessions) == 1
    assert rig.sessions.of(0).loaded >= 0
    assert (rig.value("events_in_total"), rig.value("events_out_total")) == (2, 1)
    assert rig.value("rejected_total", reason="invalid") == 1
    assert rig.value("commits_total", outcome="ok") == 1


async def test_the_age_of_a_batch_is_that_of_its_oldest_record(rig: Rig, make_raw: Make) -> None:
    await rig.begin()
    rig.broker.acknowledging.clear()
    await rig.intake.take(record(0, make_raw(1, received_at_ms=NOW - 1000)))
    await rig.intake.take(record(0, make_raw(2, received_at_ms=NOW - 3000), partition=1))
    await rig.until(lambda: rig.broker.published)
    rig.clock.advance(2)
    rig.broker.acknowledging.set()
    await rig.until(lambda: rig.intake.account.done == {0: 1, 1: 1})
    assert (rig.value("age_seconds_count"), rig.value("age_seconds_sum")) == (1, 5)


async def test_a_batch_without_a_good_event_has_no_age(rig: Rig) -> None:
    await rig.begin()
    await rig.intake.take(RawRecord(0, 0, 1, None, b"\xff no message"))
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    assert rig.value("age_seconds_count") == 0


async def test_the_changelog_gets_the_last_state_on_the_partition_of_the_record(
    rig: Rig, make_raw: Make
) -> None:
    await rig.begin()
    await rig.intake.take(record(0, make_raw(1), make_raw(2, timestamp_ms=NOW + 9), partition=1))
    await rig.until(lambda: rig.intake.account.done[1] == 1)
    [parcel] = [p for p in rig.broker.published[0] if p.topic == SESSIONS_CHANGELOG.name]
    assert parcel.partition == 1
    [change] = parcel.records
    assert rig.sessions.of(1).states == {change.key: change.value}


async def test_records_that_wait_together_leave_together_and_see_each_others_states(
    rig: Rig, make_raw: Make
) -> None:
    for offset in range(5):
        await rig.intake.take(record(offset, make_raw(offset, visitor_id="v")))
    await rig.begin()
    await rig.until(lambda: rig.intake.account.done.get(0) == 5)
    assert len(rig.broker.published) == 1
    sessions = {decode_enriched(made.value).session_id for made in rig.broker.records(ENRICHED.name)}
    assert len(sessions) == 1
    assert len(rig.broker.records(SESSIONS_CHANGELOG.name)) == 1


async def test_what_was_done_is_not_done_again(rig: Rig, make_raw: Make) -> None:
    await rig.begin()
    for offset in (0, 0, 1, 0, 1):
        await rig.intake.take(record(offset, make_raw(offset)))
    await rig.intake.take(record(2, make_raw(2)))
    await rig.until(lambda: rig.intake.account.done[0] == 3)
    assert rig.broker.event_ids() == sorted(make_raw(number).event_id for number in range(3))


async def test_a_gap_is_read_again_once_and_nothing_behind_it_is_done(rig: Rig, make_raw: Make) -> None:
    await rig.begin()
    rig.log.seeks.clear()
    for offset in (2, 3, 4):
        await rig.intake.take(record(offset, make_raw(offset)))
    await rig.until(lambda: rig.log.seeks)
    for offset in (0, 1, 2):
        await rig.intake.take(record(offset, make_raw(offset)))
    await rig.until(lambda: rig.intake.account.done[0] == 3)
    assert rig.log.seeks == [{0: 0}]
    assert rig.value("gaps_total") == 1
    rig.clock.advance(11)
    await rig.intake.take(record(9, make_raw(9)))
    await rig.until(lambda: len(rig.log.seeks) == 2)
    assert rig.log.seeks[1] == {0: 3}


async def test_a_gap_that_retention_made_is_reported_and_stepped_over(rig: Rig, make_raw: Make) -> None:
    await rig.begin()
    rig.log.found[0] = Ends(None, 7, 100)
    await rig.intake.take(record(7, make_raw(7)))
    await rig.until(lambda: rig.value("expired_records_total") == 7)
    assert rig.log.seeks[-1] == {0: 7}
    await rig.intake.take(record(7, make_raw(7)))
    await rig.until(lambda: rig.intake.account.done[0] == 8)


async def test_a_generation_begins_where_the_group_committed(rig: Rig) -> None:
    rig.log.found = {0: Ends(5, 0, 9), 1: Ends(0, 0, 9), 2: Ends(3, 6, 9), 3: Ends(12, 2, 9)}
    await rig.begin(partitions=(0, 1, 2, 3))
    assert rig.intake.account.done == {0: 5, 1: 0, 2: 6, 3: 2}
    assert rig.log.seeks == [{1: 0, 2: 6, 3: 2}], "Faust goes back only to commits above 0 by itself"
    assert rig.value("expired_records_total") == 3


async def test_what_retention_took_before_the_first_commit_is_told_once(rig: Rig) -> None:
    rig.log.found = {0: Ends(None, 500, 900), 1: Ends(None, 0, 0)}
    with capture_logs() as told:
        await rig.begin()
    assert [(line["log_level"], line["partition"], line["records"]) for line in told] == [("error", 0, 500)]
    assert "no commit" in told[0]["event"]
    assert rig.value("expired_records_total") == 500
    await rig.intake.commit()
    assert rig.log.commits == [{0: 500}], "so that the next generation does not tell it again"


async def test_kafka_away_leaves_the_account_closed(rig: Rig) -> None:
    rig.log.away = True
    with pytest.raises(KafkaUnavailable):
        await rig.begin()
    assert rig.intake.account.generation is None


async def test_a_generation_that_ends_while_it_begins_stays_closed(rig: Rig, make_raw: Make) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(offsets: Mapping[int, int]) -> None:
        asked.set()
        await answer.wait()

    rig.log.seek = slow  # type: ignore[method-assign]
    beginning = asyncio.create_task(rig.begin(generation=1))
    await asked.wait()
    await rig.intake.pause()
    answer.set()
    await beginning
    assert rig.intake.account.generation is None


async def test_before_partitions_change_hands_what_is_in_flight_is_finished_and_committed(
    rig: Rig, make_raw: Make
) -> None:
    await rig.begin()
    rig.broker.acknowledging.clear()
    await rig.intake.take(record(0, make_raw(1)))
    await rig.until(lambda: rig.broker.published)
    pausing = asyncio.create_task(rig.intake.pause())
    await asyncio.sleep(0)
    rig.broker.acknowledging.set()
    await pausing
    assert rig.log.commits == [{0: 1}]
    assert rig.intake.account.generation is None


async def test_what_is_not_acknowledged_in_time_is_not_committed_and_keeps_no_states(
    rig: Rig, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_FINISH_SECONDS", 0.01)
    await rig.begin()
    rig.broker.acknowledging.clear()
    await rig.intake.take(record(0, make_raw(1)))
    await rig.until(lambda: rig.broker.published)
    await rig.intake.pause()
    await rig.begin(generation=2)
    rig.broker.acknowledging.set()
    await rig.intake.take(record(0, make_raw(1), generation=2))
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    assert rig.log.commits == []
    assert rig.broker.event_ids() == [make_raw(1).event_id] * 2, "done again, with the same id"


async def test_records_of_an_older_generation_are_left_to_the_new_one(rig: Rig, make_raw: Make) -> None:
    await rig.begin(generation=2)
    await rig.intake.take(record(0, make_raw(1), generation=1))
    await rig.intake.take(record(0, make_raw(2), generation=2))
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    assert rig.broker.event_ids() == [make_raw(2).event_id]


async def test_a_failure_that_nobody_expects_is_done_again_and_stops_nothing(
    rig: Rig, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_FAILED_PAUSE_SECONDS", 0)
    await rig.begin()
    rig.broker.failures = [RuntimeError("a bug")]
    await rig.intake.take(record(0, make_raw(1)))
    await rig.until(lambda: {0: 0, 1: 0} in rig.log.seeks[1:])
    await rig.intake.take(record(0, make_raw(1)))
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    assert len(rig.sessions) == 1


async def test_a_refused_or_failed_commit_is_tried_again(rig: Rig, make_raw: Make) -> None:
    await rig.begin()
    await rig.intake.take(record(0, make_raw(1)))
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    rig.log.ours = False
    await rig.intake.commit()
    rig.log.ours, rig.log.away = True, True
    await rig.intake.commit()
    rig.log.away = False
    await rig.intake.commit()
    assert rig.log.commits == [{0: 1}]
    assert rig.value("commits_total", outcome="refused") == 1


async def test_a_missing_salt_is_waited_for_and_the_record_done_once_when_it_came(
    world: World, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_LOOK_SECONDS", 0)
    day, salts = NOW // 86_400_000, DaySalts()
    rig = Rig(replace(world, salts=salts))
    task = asyncio.create_task(rig.intake.work())
    await rig.intake.take(record(0, make_raw(1, visitor_id="v")))
    await rig.intake.take(record(1, make_raw(2, visitor_id="v"), make_raw(3)))
    await rig.begin()
    await rig.until(lambda: "no salt of the UTC day" in str(rig.waits))
    assert rig.value("waiting", cause="salt") == 1
    assert rig.value("waiting", cause="address_key") == 0
    assert rig.broker.event_ids() == [make_raw(1).event_id], "nothing of the record with the missing salt"
    salts.know({day: b"s" * 32}, day - 2)
    await rig.until(lambda: rig.intake.account.done[0] == 2)
    assert rig.broker.event_ids() == sorted(make_raw(number).event_id for number in (1, 2, 3))
    assert not rig.waits
    assert rig.value("waiting", cause="salt") == 0
    task.cancel()
    await asyncio.wait([task])


async def test_a_missing_key_lets_the_records_before_it_go_and_waits_until_the_generation_ends(
    world: World, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_LOOK_SECONDS", 0)
    rig = Rig(replace(world, addresses=AddressOpener({"other": bytes(32)})))
    task = asyncio.create_task(rig.intake.work())
    await rig.intake.take(record(0, make_raw(1, address=None)))
    await rig.intake.take(record(1, make_raw(2, address=None), make_raw(3)))
    await rig.intake.take(record(2, make_raw(4, address=None)))
    await rig.begin()
    await rig.until(lambda: "k1" in str(rig.waits))
    assert rig.intake.account.done[0] == 1
    assert rig.broker.event_ids() == [make_raw(1).event_id]
    assert rig.value("waiting", cause="address_key") == 1
    await rig.intake.pause()
    await rig.until(lambda: not rig.waits)
    assert rig.log.commits == [{0: 1}]
    task.cancel()
    await asyncio.wait([task])


def broken(_draft: object, _world: object) -> None:
    raise KeyError("a fault of ours")


async def test_what_fails_by_our_own_fault_is_rejected_one_by_one_and_stops_the_line_when_it_is_many(
    rig: Rig, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_LOOK_SECONDS", 0)
    await rig.begin()
    steps = pipeline.STEPS
    monkeypatch.setattr(pipeline, "STEPS", (*steps, broken))
    await rig.intake.take(record(0, make_raw(0)))
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    assert rig.value("rejected_total", reason="enrichment_failed") == 1

    await rig.intake.take(record(1, *map(make_raw, range(1, 6))))
    await rig.until(lambda: rig.waits)
    assert str(rig.waits) == "5 of 5 events fail, and none of them is rejected: broken failed with KeyError"
    assert rig.value("waiting", cause="breaker") == 1
    for _ in range(200):
        await asyncio.sleep(0)
    assert rig.intake.account.done[0] == 1
    assert rig.value("rejected_total", reason="enrichment_failed") == 1

    monkeypatch.setattr(pipeline, "STEPS", steps)
    await rig.until(lambda: rig.intake.account.done[0] == 2)
    assert rig.broker.event_ids() == sorted(make_raw(number).event_id for number in range(1, 6))
    assert not rig.waits
    assert rig.value("waiting", cause="breaker") == 0


async def test_an_open_breaker_lets_go_when_the_partitions_go(
    rig: Rig, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_LOOK_SECONDS", 0)
    steps = pipeline.STEPS
    monkeypatch.setattr(pipeline, "STEPS", (*steps, broken))
    await rig.begin()
    await rig.intake.take(record(0, *map(make_raw, range(5))))
    await rig.until(lambda: rig.waits)
    await rig.intake.pause()
    await rig.until(lambda: not rig.waits)
    monkeypatch.setattr(pipeline, "STEPS", steps)
    await rig.begin(generation=2)
    await rig.intake.take(record(0, *map(make_raw, range(5)), generation=2))
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    assert rig.broker.records(REJECTED.name) == []


async def test_good_events_that_come_close_the_breaker_and_a_gap_among_them_is_read_again(
    rig: Rig, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_LOOK_SECONDS", 0)
    await rig.begin()
    await rig.intake.take(record(0, *(make_raw(number, event_name="") for number in range(5))))
    await rig.until(lambda: "they break the contract" in str(rig.waits))
    await rig.intake.take(record(1, *map(make_raw, range(5, 30))))
    await rig.intake.take(record(3, make_raw(40)))
    await rig.until(lambda: {0: 2} in rig.log.seeks)
    assert rig.intake.account.done[0] == 2
    assert rig.value("rejected_total", reason="invalid") == 5
    assert rig.value("gaps_total") == 1
    await rig.intake.take(record(2, make_raw(39)))
    await rig.intake.take(record(3, make_raw(40)))
    await rig.until(lambda: rig.intake.account.done[0] == 4)


async def test_sizes_are_in_the_clients_hands_and_do_not_open_the_breaker(
    rig: Rig, make_raw: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enricher.chunk._LARGEST_VALUE", 10)
    await rig.begin()
    await rig.intake.take(record(0, *map(make_raw, range(50))))
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    assert rig.value("rejected_total", reason="too_large") == 50


async def test_a_nudge_reads_on_where_records_wait_and_none_comes_once_in_ten_seconds(
    rig: Rig, make_raw: Make
) -> None:
    await rig.begin()
    await rig.intake.take(record(0, make_raw(0)))
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    rig.log.seeks.clear()
    rig.broker.acknowledging.clear()
    await rig.intake.take(record(1, make_raw(1)))
    await rig.until(lambda: len(rig.broker.published) == 2)
    await rig.intake.nudge([0])
    assert rig.log.seeks == [], "there is work"
    rig.broker.acknowledging.set()
    await rig.until(lambda: rig.intake.account.done[0] == 2)
    await rig.until(rig.intake._idle.is_set)
    for _ in range(3):
        await rig.intake.nudge([0, 7])
    assert rig.log.seeks == [{0: 2}]
    rig.clock.advance(10)
    rig.log.found[0] = Ends(2, 50, 100)
    await rig.intake.nudge([0])
    assert rig.log.seeks == [{0: 2}, {0: 50}]
    assert rig.value("expired_records_total") == 48


async def test_traced_events_have_a_span_for_each_request_once_all_is_acknowledged(
    rig: Rig, make_raw: Make
) -> None:
    one, other = ("00-" + letter * 32 + "-" + letter * 16 + "-01" for letter in "ab")
    await rig.begin()
    rig.broker.acknowledging.clear()
    events = [
        make_raw(1, traceparent=one),
        make_raw(2, traceparent=one),
        make_raw(3),
        make_raw(4, traceparent=other),
    ]
    await rig.intake.take(record(0, *events))
    await rig.until(lambda: rig.broker.published)
    rig.clock.advance(2)
    assert rig.spans == []
    rig.broker.acknowledging.set()
    await rig.until(lambda: rig.intake.account.done[0] == 1)
    assert rig.spans == [("enrich", one, NOW, 2), ("enrich", other, NOW, 1)]
