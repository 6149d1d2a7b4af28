"""A pass: ask how far everybody is, look events up, write the books, and say what is missing."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from auditor.balance import Counts, Facts, balance
from auditor.books import Books, Held
from auditor.checkpoints import Place, Places
from auditor.entries import minute_of
from auditor.metrics import Metrics
from auditor.rounds import Task, changes
from auditor.settings import AuditorSettings
from auditor.sources import Survey
from auditor.statements import Expired, Log, Slice, Standing
from eventrail import logs
from eventrail.checkpoints import Offsets, Span, ends, positions
from eventrail.clock import Clock
from eventrail.contract import topics
from eventrail.contract.ledger import ACCEPTED, KEYS, RAW, UNACCOUNTED, WRITER, Key

log = logs.get(__name__)

NAMED: Final = 10
"""Unaccounted events that one log line names."""


class Tables(Protocol):
    """The ledger as a pass needs it; `ledger.Ledger` is the real one. All methods block."""

    def facts(self, within: Slice, standing: Standing) -> list[tuple[int, Facts, int]]: ...

    def unaccounted(self, within: Slice, standing: Standing, most: int) -> list[tuple[Any, ...]]: ...

    def save_minutes(self, rows: list[tuple[int, Key, int]], now_ms: int) -> None: ...

    def save_logs(self, logs: Iterable[Log], now_ms: int) -> None: ...

    def save_expired(self, found: list[Expired]) -> None: ...


class Audit:
    """The passes over `books`; one at a time."""

    def __init__(
        self, ledger: Tables, books: Books, settings: AuditorSettings, metrics: Metrics, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._books = books
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._number = 0
        self._enriched_ends: dict[int, int] = {}
        self._told_expired: dict[int, int] = {}

    async def run(self, survey: Survey, held: Held) -> None:
        """One pass; `held` is of before the survey. Raises ClickHouseUnavailable or LedgerFault; run it again then."""
        began = self._clock.monotonic()
        self._number += 1
        await self._take(survey, held)
        standing = self._standing(survey)
        now = self._now()
        self._books.minutes.drop_old(now)
        await self._look(standing, now, began)
        await asyncio.to_thread(self._ledger.save_logs, self._books.rows(), self._clock.now_ms())
        self._tell(survey)
        self._metrics.pass_seconds.observe(self._clock.monotonic() - began)

    def _now(self) -> int:
        return self._clock.now_ms() // 1000

    # What the offsets say.

    async def _take(self, survey: Survey, held: Held) -> None:
        books, now = self._books, self._clock.monotonic()
        if self._is_anew(survey, held):
            books.anew.set()
        enriched_ends = ends(survey.enriched)
        if any(end < self._enriched_ends.get(at, 0) for at, end in enriched_ends.items()):
            books.checkpoints.forget()
        self._enriched_ends = enriched_ends
        books.checkpoints.add(self._passed(survey), enriched_ends)
        books.checkpoints.written(now, positions(survey.writer, survey.enriched), ends(survey.rejected))
        books.checkpoints.read(now, books.rejected)
        books.drop_expired(self._now(), survey.enricher)
        await self._take_expired(survey)
        self._tell_expired_before_the_writer(survey)

    def _is_anew(self, survey: Survey, held: Held) -> bool:
        """Whether the follower reads a topic that is not there any more, or not all of its partitions.

        With a topic the broker deletes the commits of all groups.
        """
        books = self._books
        return (
            survey.raw.keys() != books.raw.keys()
            or survey.rejected.keys() != books.rejected.keys()
            or any(at not in survey.auditor for at in books.raw)
            or _ends_before(survey.raw, held.raw, books.raw)
            or _ends_before(survey.rejected, held.rejected, books.rejected)
        )

    def _passed(self, survey: Survey) -> Places:
        return {at: Place(number, survey.enricher.get(at, 0)) for at, number in self._books.logs.items()}

    def _standing(self, survey: Survey) -> Standing:
        books = self._books
        return Standing(self._passed(survey), dict(books.checkpoints.settled), tuple(books.expired))

    async def _take_expired(self, survey: Survey) -> None:
        found = [
            self._expired(at, committed, survey.raw[at].begin)
            for at, committed in self._goes_on(survey).items()
            if self._first_expired(at, committed) < survey.raw[at].begin
        ]
        if not found:
            return
        await asyncio.to_thread(self._ledger.save_expired, found)
        for one in found:
            self._books.add_expired(one)
            self._books.minutes.add(one.minute, one.unread, self._now())
            self._metrics.expired.labels(topics.RAW.name).inc(one.end - one.first)
            log.error(
                "raw records were removed before the enricher read them",
                partition=one.raw_partition,
                first=one.first,
                end=one.end,
                unread=one.unread,
                committed=survey.enricher.get(one.raw_partition, "never"),
            )

    def _goes_on(self, survey: Survey) -> Offsets:
        """Where the enricher goes on, by raw partition: at 0 where it never committed."""
        return {
            at: survey.enricher.get(at, 0)
            for at in self._books.logs
            if at in survey.raw and at not in survey.astray
        }

    def _first_expired(self, partition: int, committed: int) -> int:
        """The first offset, from the enricher's commit on, that is not known to be expired."""
        number = self._books.logs[partition]
        known = [
            one.end
            for one in self._books.expired
            if one.raw_partition == partition and one.raw_log == number and one.first <= committed < one.end
        ]
        return max(known, default=committed)

    def _expired(self, partition: int, committed: int, begin: int) -> Expired:
        first = self._first_expired(partition, committed)
        ahead = (partition, self._books.raw.get(partition, begin), begin)
        unread = sum(_shared(gap, (partition, first, begin)) for gap in [*self._books.gaps, ahead])
        # The same row again, should the next statement fail, so the minute is the only new thing in it.
        minute = minute_of(self._clock.now_ms())
        return Expired(partition, self._books.logs[partition], first, begin, unread, minute)

    def _tell_expired_before_the_writer(self, survey: Survey) -> None:
        for at, committed in survey.writer.items():
            begin, told = survey.enriched[at].begin, self._told_expired.get(at, 0)
            if max(committed, told) < begin:
                self._told_expired[at] = begin
                self._metrics.expired.labels(topics.ENRICHED.name).inc(begin - max(committed, told))
                log.error(
                    "enriched records were removed before the writer read them; their events will be unaccounted",
                    partition=at,
                    first=max(committed, told),
                    end=begin,
                )

    # What the tables say.

    async def _look(self, standing: Standing, now: int, began: float) -> None:
        """The urgent minutes while there is time, and at least one task of the others, so that each has its turn."""
        others = 0
        for task in list(self._books.minutes.plan(now)):
            is_late = self._clock.monotonic() - began >= self._settings.pass_seconds
            if is_late and (task.is_urgent or others):
                continue
            others += not task.is_urgent
            await self._balance(task, standing)

    async def _balance(self, task: Task, standing: Standing) -> None:
        minutes = self._books.minutes.known
        for at in task.minutes:
            minutes[at].changed = False
        found = await self._facts(task, standing)
        lost = {at: self._books.lost[at] for at in task.minutes}
        after = {at: balance(found[at], lost[at]) for at in task.minutes}
        rows = [
            (at, key, events)
            for at, counts in after.items()
            for key, events in changes(minutes[at].counts if minutes[at].looked_at else None, counts)
        ]
        await asyncio.to_thread(self._ledger.save_minutes, rows, self._clock.now_ms())
        more = self._more_unaccounted(after)
        for at, counts in after.items():
            minutes[at].counts, minutes[at].looked_at = counts, self._number
            minutes[at].entries = counts[RAW, ACCEPTED]
        if more:
            await self._name_unaccounted(task, standing, after)

    async def _facts(self, task: Task, standing: Standing) -> dict[int, list[tuple[Facts, int]]]:
        found: dict[int, list[tuple[Facts, int]]] = {at: [] for at in task.minutes}
        for within in task.slices:
            for at, facts, events in await asyncio.to_thread(self._ledger.facts, within, standing):
                found[at].append((facts, events))
                self._metrics.audited.inc(events)
        return found

    def _more_unaccounted(self, after: dict[int, Counts]) -> bool:
        minutes = self._books.minutes.known
        return any(
            counts[WRITER, UNACCOUNTED] > minutes[at].counts[WRITER, UNACCOUNTED]
            for at, counts in after.items()
        )

    async def _name_unaccounted(self, task: Task, standing: Standing, after: dict[int, Counts]) -> None:
        named: list[tuple[Any, ...]] = []
        for within in task.slices:
            if len(named) < NAMED:
                most = NAMED - len(named)
                named += await asyncio.to_thread(self._ledger.unaccounted, within, standing, most)
        minutes = {at: counts[WRITER, UNACCOUNTED] for at, counts in after.items()}
        log.error(
            "events are unaccounted for: accepted and settled, but neither stored nor rejected",
            events=sum(minutes.values()),
            first_minute=_text(min(at for at, events in minutes.items() if events)),
            named=[_event(*values) for values in named],
        )

    # What is told.

    def _tell(self, survey: Survey) -> None:
        books, metrics = self._books, self._metrics
        metrics.unaccounted.set(books.minutes.unaccounted())
        metrics.minutes.set(len(books.minutes.known))
        recent = books.minutes.recent(self._now())
        for stage, outcome in KEYS:
            events = sum(minute.counts[stage, outcome] for minute in recent)
            metrics.ledger_events.labels(stage, outcome).set(events)
        metrics.lag.labels(topics.RAW.name).set(
            sum(max(0, span.end - books.raw.get(at, span.begin)) for at, span in survey.raw.items())
        )
        metrics.lag.labels(topics.REJECTED.name).set(
            sum(max(0, span.end - books.rejected.get(at, span.begin)) for at, span in survey.rejected.items())
        )
        settled_at = books.checkpoints.settled_at
        if settled_at is not None:
            metrics.settled_age.set(self._clock.monotonic() - settled_at)


def _ends_before(asked: dict[int, Span], held: Offsets, now: Offsets) -> bool:
    """Whether a log is shorter than what was read of it before its end was asked for, and not opened again since."""
    return any(span.end < min(held.get(at, 0), now.get(at, 0)) for at, span in asked.items())


def _shared(one: tuple[int, int, int], other: tuple[int, int, int]) -> int:
    """Offsets that two ranges of partitions (partition, first, end) have in common."""
    return max(0, min(one[2], other[2]) - max(one[1], other[1])) if one[0] == other[0] else 0


def _event(partition: int, offset: int, index: int, website_id: str, event_id: object) -> dict[str, Any]:
    return {
        "partition": partition,
        "offset": offset,
        "index": index,
        "website_id": website_id,
        "event_id": str(event_id),
    }


def _text(minute: int) -> str:
    return datetime.fromtimestamp(minute, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
