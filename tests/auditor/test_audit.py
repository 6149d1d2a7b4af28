"""A pass over tables in memory: what is looked at, written, named and told."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from auditor.audit import Audit
from auditor.balance import Facts, Found, Refused
from auditor.books import Books
from auditor.checkpoints import Checkpoints, Place
from auditor.metrics import Metrics, metrics
from auditor.rounds import Minutes
from auditor.settings import AuditorSettings
from auditor.sources import Survey
from auditor.statements import Expired, Log, Slice, Standing
from eventrail.checkpoints import Span
from eventrail.clock import ManualClock
from eventrail.contract.ledger import Key
from eventrail.errors import ClickHouseUnavailable

NOW = 1_795_440_000
STORED = Facts(passed=True, settled=True, found=Found.SAME, refused=Refused.NOWHERE, expired=False)
LOST = STORED._replace(found=Found.NOTHING)


class Tables:
    """Facts by minute; each lookup takes `seconds` of the clock."""

    def __init__(self, clock: ManualClock) -> None:
        self.found: dict[int, list[tuple[Facts, int]]] = {}
        self.clock = clock
        self.seconds = 0.0
        self.looked_at: list[int] = []
        self.standing: Standing | None = None
        self.saved: list[tuple[int, Key, int]] = []
        self.logs: list[Log] = []
        self.expired: list[Expired] = []
        self.away = False

    def facts(self, within: Slice, standing: Standing) -> list[tuple[int, Facts, int]]:
        if self.away:
            raise ClickHouseUnavailable("away")
        self.clock.advance(self.seconds)
        self.looked_at += within.minutes
        self.standing = standing
        return [(at, facts, events) for at in within.minutes for facts, events in self.found.get(at, [])]

    def unaccounted(self, within: Slice, standing: Standing, most: int) -> list[tuple[Any, ...]]:
        return [(0, 7, 1, "shop", UUID(int=5))][:most]

    def save_minutes(self, rows: list[tuple[int, Key, int]], now_ms: int) -> None:
        self.saved += rows

    def save_logs(self, logs: Iterable[Log], now_ms: int) -> None:
        self.logs = list(logs)

    def save_expired(self, found: list[Expired]) -> None:
        self.expired += found


class Desk:
    """An Audit with everything around it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock(unix_ms=NOW * 1000)
        self.tables = Tables(self.clock)
        self.books = Books(Minutes(100, 10, 48), Checkpoints(0))
        self.books.logs, self.books.raw, self.books.rejected = {0: 1}, {0: 10}, {0: 0}
        self.metrics: Metrics = metrics(CollectorRegistry())
        self.audit = Audit(self.tables, self.books, AuditorSettings(**settings), self.metrics, self.clock)

    def add(self, *ages: int, facts: Facts = STORED, events: int = 10) -> None:
        for age in ages:
            self.books.minutes.add(NOW - age * 60, events, NOW)
            self.tables.found[NOW - age * 60] = [(facts, events)]

    async def run(self, **survey: Any) -> None:
        values: dict[str, Any] = {
            "enricher": {0: 10},
            "raw": {0: Span(0, 10)},
            "enriched": {0: Span(0, 5)},
            "writer": {0: 5},
            "rejected": {0: Span(0, 0)},
            "auditor": {0: 10},
        } | survey
        held = values.pop("held", self.books.held())
        await self.audit.run(Survey(**values), held)

    def unaccounted(self) -> float:
        return float(self.metrics.unaccounted._value.get())


async def test_a_pass_writes_what_is_new_and_tells_it() -> None:
    desk = Desk()
    desk.add(1, 20)
    await desk.run()
    assert {(at, key): events for at, key, events in desk.tables.saved if events} == {
        (NOW - age * 60, key): 10
        for age in (1, 20)
        for key in (("raw", "accepted"), ("enricher", "enriched"), ("writer", "stored"))
    }
    assert desk.tables.logs == [Log(0, 1, Place(1, 10))]
    assert desk.metrics.ledger_events.labels("writer", "stored")._value.get() == 10
    desk.tables.saved.clear()
    await desk.run()
    assert desk.tables.saved == []
    assert desk.unaccounted() == 0


async def test_the_settled_places_are_those_of_this_survey() -> None:
    desk = Desk()
    desk.add(1)
    await desk.run(writer={0: 4})
    assert desk.tables.standing == Standing({0: Place(1, 10)}, {}, ())
    await desk.run(writer={0: 5})
    assert desk.tables.standing == Standing({0: Place(1, 10)}, {0: Place(1, 10)}, ())


async def test_what_is_missing_is_named_once_and_counted_until_it_is_back() -> None:
    desk = Desk()
    desk.add(1, 20, facts=LOST, events=2)
    with capture_logs() as told:
        await desk.run()
        assert desk.unaccounted() == 4
        await desk.run()
    assert [(line["events"], line["named"][0]["offset"]) for line in told] == [(4, 7)]
    desk.add(1, 20, facts=STORED, events=2)
    await desk.run()
    assert desk.unaccounted() == 0


async def test_a_slow_engine_gets_the_urgent_minutes_in_turns_and_one_other_each_time() -> None:
    desk = Desk(pass_seconds=5)
    desk.add(*range(60), events=100)
    await desk.run()
    desk.tables.seconds = 2.0
    for _ in range(5):
        desk.tables.looked_at.clear()
        await desk.run()
        ages = [(NOW - at) // 60 for at in desk.tables.looked_at]
        assert len([age for age in ages if age <= 10]) == 3
        assert len([age for age in ages if age > 10]) == 1
    assert min(known.looked_at for at, known in desk.books.minutes.known.items() if at > NOW - 600) > 1


async def test_a_pass_that_failed_is_done_again() -> None:
    desk = Desk()
    desk.add(1)
    desk.tables.away = True
    with pytest.raises(ClickHouseUnavailable):
        await desk.run()
    desk.tables.away = False
    await desk.run()
    assert desk.books.minutes.known[NOW - 60].looked_at == 2


async def test_an_expired_range_is_found_once_and_grows() -> None:
    desk = Desk()
    desk.books.raw = {0: 6}
    for begin, expired in ((4, [(2, 4, 0)]), (4, []), (9, [(4, 9, 3)])):
        desk.tables.expired.clear()
        await desk.run(enricher={0: 2}, raw={0: Span(begin, 10)})
        assert [(one.first, one.end, one.unread) for one in desk.tables.expired] == expired
    assert desk.books.minutes.known[NOW].counts["enricher", "expired"] == 3


async def test_what_expired_before_the_first_commit_is_found_too() -> None:
    desk = Desk()
    with capture_logs() as told:
        await desk.run(enricher={}, raw={0: Span(5, 10)})
        await desk.run(enricher={}, raw={0: Span(5, 10)})
    assert [(one.first, one.end) for one in desk.tables.expired] == [(0, 5)]
    [line] = [line for line in told if line["log_level"] == "error"]
    assert (line["first"], line["end"], line["committed"]) == (0, 5, "never")


async def test_a_commit_behind_the_end_says_nothing_about_what_expired() -> None:
    desk = Desk()
    await desk.run(enricher={}, raw={0: Span(5, 10)}, astray=frozenset({0}))
    assert desk.tables.expired == []


async def test_ranges_that_touch_are_one_in_each_query_and_their_losses_stay_in_their_minutes() -> None:
    desk = Desk()
    desk.books.raw = {0: 0}
    for begin in (4, 7, 9):
        await desk.run(enricher={0: 2}, raw={0: Span(begin, 10)})
        desk.clock.advance(60)
    assert [(one.first, one.end) for one in desk.tables.expired] == [(2, 4), (4, 7), (7, 9)]
    assert desk.tables.standing is not None
    assert [(one.first, one.end) for one in desk.tables.standing.expired] == [(2, 9)]
    lost = [desk.books.minutes.known[NOW + 60 * n].counts["enricher", "expired"] for n in range(3)]
    assert lost == [2, 3, 2]


async def test_a_range_that_expired_long_ago_is_dropped_once_the_enricher_passed_it() -> None:
    desk = Desk()
    await desk.run(enricher={0: 2}, raw={0: Span(4, 10)})
    desk.clock.advance(73 * 3600)
    await desk.run(enricher={0: 2}, raw={0: Span(4, 10)})
    assert len(desk.tables.expired) == 1, "the same range is not found again"
    await desk.run(enricher={0: 10}, raw={0: Span(4, 10)})
    assert desk.books.expired == []
    assert len(desk.tables.expired) == 1


async def test_what_is_read_while_the_ends_are_asked_for_is_no_new_topic() -> None:
    desk = Desk()
    before = desk.books.held()
    desk.books.raw, desk.books.rejected = {0: 14}, {0: 3}
    await desk.run(held=before)
    assert not desk.books.anew.is_set()
    await desk.run()
    assert desk.books.anew.is_set()


@pytest.mark.parametrize(
    "survey",
    [
        {"auditor": {}},
        {"raw": {0: Span(0, 9)}},
        {"raw": {0: Span(0, 10), 1: Span(0, 0)}, "auditor": {0: 10}},
        {"rejected": {0: Span(0, 0), 1: Span(0, 0)}},
    ],
)
async def test_a_topic_that_is_not_what_it_was_is_opened_again(survey: dict[str, Any]) -> None:
    desk = Desk()
    await desk.run()
    assert not desk.books.anew.is_set()
    await desk.run(**survey)
    assert desk.books.anew.is_set()


async def test_enriched_records_that_the_writer_never_got_are_an_error_once() -> None:
    desk = Desk()
    with capture_logs() as told:
        for _ in range(2):
            await desk.run(enriched={0: Span(4, 5)}, writer={0: 1})
    assert [(line["log_level"], line["first"], line["end"]) for line in told] == [("error", 1, 4)]
    assert desk.metrics.expired.labels("eventrail.enriched.v1")._value.get() == 3


async def test_what_the_writer_can_never_get_is_not_waited_for() -> None:
    desk = Desk()
    await desk.run(enriched={0: Span(5, 5)}, writer={0: 1})
    assert desk.books.checkpoints.settled == {0: Place(1, 10)}
