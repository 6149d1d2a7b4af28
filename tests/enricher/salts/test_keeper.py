from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from enricher.lookups.salts import DaySalts, SaltMissing
from enricher.metrics import Metrics
from enricher.salts.agreement import agree
from enricher.salts.keeper import SaltKeeper
from enricher.salts.log import MemorySaltLog, SaltLog
from enricher.salts.sealing import SaltSealer
from eventrail.clock import ManualClock
from eventrail.errors import KafkaUnavailable

DAY = 20_780
MIDNIGHT = DAY * 86_400_000
HOUR = 3600.0
KEYS = {"s1": bytes(range(32))}


class Worker:
    def __init__(
        self, log: SaltLog, clock: ManualClock, *, leads: bool = True, keys: dict[str, bytes] = KEYS
    ) -> None:
        self.leads = leads
        self.salts, self.metrics = DaySalts(), Metrics()
        self.keeper = SaltKeeper(
            log,
            SaltSealer(keys),
            self.salts,
            lambda: self.leads,
            clock,
            self.metrics,
            clean_every_seconds=900,
        )

    def gauge(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"eventrail_enricher_{name}")

    def knows(self, day: int) -> bool:
        try:
            return self.salts.of(day) is not None
        except SaltMissing:
            return False


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(unix_ms=MIDNIGHT + 12 * 3_600_000)


@pytest.fixture
def log(clock: ManualClock) -> MemorySaltLog:
    return MemorySaltLog(clock)


async def test_the_worker_that_leads_makes_what_is_wanted_and_all_use_the_same(
    log: MemorySaltLog, clock: ManualClock
) -> None:
    leader, other = Worker(log, clock), Worker(log, clock, leads=False)
    await other.keeper.tick()
    assert not other.knows(DAY)
    await leader.keeper.tick()
    clock.advance(1)
    await other.keeper.tick()
    found = {day: leader.salts.of(day) for day in range(DAY - 2, DAY + 1)}
    assert len(set(found.values())) == 3
    assert {len(salt or b"") for salt in found.values()} == {32}
    assert {day: other.salts.of(day) for day in found} == found
    assert leader.gauge("salts") == 3
    assert len(await log.read()) == 3


async def test_the_next_day_s_salt_is_there_an_hour_before_its_day(
    log: MemorySaltLog, clock: ManualClock
) -> None:
    worker = Worker(log, clock)
    clock.advance(11 * HOUR - 0.001)
    await worker.keeper.tick()
    assert not worker.knows(DAY + 1)
    clock.advance(10)
    await worker.keeper.tick()
    assert worker.knows(DAY + 1)
    before = worker.salts.of(DAY + 1)
    clock.advance(HOUR)
    await worker.keeper.tick()
    assert worker.salts.of(DAY + 1) == before


async def test_two_that_lead_at_once_agree_because_nobody_uses_what_it_has_made(
    log: MemorySaltLog, clock: ManualClock
) -> None:
    made: list[Worker] = []

    class Late(MemorySaltLog):
        """The same log, on which the other worker is always quicker between our reading and our writing."""

        async def read(self) -> list:  # type: ignore[type-arg]
            return await log.read()

        async def append(self, records: Sequence[tuple[bytes, bytes | None]]) -> None:
            quick = Worker(log, clock)
            made.append(quick)
            await quick.keeper.look(make=True)
            await log.append(records)

    slow = Worker(Late(clock), clock)
    await slow.keeper.look(make=True)
    for day in range(DAY - 2, DAY + 1):
        assert slow.salts.of(day) == made[0].salts.of(day)
    # What the slow one has made goes away again, and nothing changes by that.
    before = [slow.salts.of(day) for day in range(DAY - 2, DAY + 1)]
    log.compact()
    later = Worker(log, clock, leads=False)
    await later.keeper.tick()
    assert [later.salts.of(day) for day in range(DAY - 2, DAY + 1)] == before
    assert len([record for record in await log.read() if record.value is not None]) == 3


async def test_past_its_time_a_salt_leaves_memory_and_topic(log: MemorySaltLog, clock: ManualClock) -> None:
    leader, other = Worker(log, clock), Worker(log, clock, leads=False)
    for worker in (leader, other):
        await worker.keeper.tick()
    clock.advance(12 * HOUR + 48 * HOUR - 0.001)
    for worker in (leader, other):
        await worker.keeper.tick()
        assert worker.knows(DAY)
    clock.advance(1000)
    for worker in (other, leader):
        await worker.keeper.tick()
        assert worker.salts.of(DAY) is None
    assert leader.gauge("salts_overdue") > 0  # type: ignore[operator]
    assert DAY not in agree(await log.read(), SaltSealer(KEYS)).salts

    # Tombstones are repeated until the broker has cleaned, and not after that.
    clock.advance(1000)
    await leader.keeper.tick()
    assert leader.gauge("salts_overdue") > 0  # type: ignore[operator]
    log.compact()
    clock.advance(1000)
    await leader.keeper.tick()
    assert leader.gauge("salts_overdue") == 0
    length = len(await log.read())
    clock.advance(1000)
    await leader.keeper.tick()
    assert len(await log.read()) == length


async def test_a_clock_that_runs_ahead_of_the_broker_s_removes_nothing(
    log: MemorySaltLog, clock: ManualClock
) -> None:
    await Worker(log, clock).keeper.tick()
    wrong = Worker(log, ManualClock(unix_ms=clock.unix_ms + 4 * 86_400_000))
    with capture_logs() as told:
        await wrong.keeper.tick()
    assert [line["log_level"] for line in told] == ["error"]
    assert wrong.gauge("salts_overdue") == 3
    assert DAY in agree(await log.read(), SaltSealer(KEYS)).salts


async def test_a_salt_under_a_key_that_is_not_here_is_waited_for_and_not_made_anew(
    log: MemorySaltLog, clock: ManualClock
) -> None:
    await Worker(log, clock, keys={"s2": bytes(32)}).keeper.tick()
    worker = Worker(log, clock)
    await worker.keeper.tick()
    with pytest.raises(SaltMissing, match="EVENTRAIL_SALT_KEYS has no key 's2'"):
        worker.salts.of(DAY)
    assert len(await log.read()) == 3


async def test_while_kafka_is_away_salts_stay_in_use_and_are_forgotten_in_time(clock: ManualClock) -> None:
    class Away(MemorySaltLog):
        away = False

        async def read(self) -> list:  # type: ignore[type-arg]
            if self.away:
                raise KafkaUnavailable("away")
            return await super().read()

    log = Away(clock)
    worker = Worker(log, clock)
    await worker.keeper.tick()
    log.away = True
    clock.advance(20)
    with capture_logs() as told:
        await worker.keeper.tick()
    assert [line["log_level"] for line in told] == ["warning"]
    assert worker.knows(DAY - 2)
    clock.advance(12 * HOUR)
    await worker.keeper.tick()
    assert worker.salts.of(DAY - 2) is None
    assert worker.knows(DAY)
    with pytest.raises(KafkaUnavailable):
        await worker.keeper.look(make=True)


async def test_the_topic_is_looked_at_each_ten_seconds_when_nothing_is_wanted(clock: ManualClock) -> None:
    looks: list[float] = []

    class Counting(MemorySaltLog):
        async def read(self) -> list:  # type: ignore[type-arg]
            looks.append(clock.seconds)
            return await super().read()

    log = Counting(clock)
    worker = Worker(log, clock, leads=False)
    for _ in range(5):
        await worker.keeper.tick()
        clock.advance(1)
    assert looks == [0, 1, 2, 3, 4], "a salt is wanted"
    worker.leads = True
    await worker.keeper.tick()
    looks.clear()
    for _ in range(21):
        await worker.keeper.tick()
        clock.advance(1)
    assert looks == [15, 25]
