"""One replay: states from stored rows, the pipeline over the raw topic, the shadow table, the comparison."""

import asyncio
from collections.abc import Mapping
from typing import NoReturn

from enricher.chunk import Outcome, RawRecord, process
from enricher.lookups.salts import SaltMissing
from enricher.replay.past_sessions import PastSessions
from enricher.replay.raw_log import RawLog, Span
from enricher.replay.report import Report
from enricher.replay.stored import Stored, StoredPartition
from enricher.replay.time_range import TimeRange, text
from enricher.salts import days
from enricher.sessions import Overlay
from enricher.world import World
from eventrail.clock import utc_day
from eventrail.contract.v1.enriched_pb2 import EnrichedEvent, VisitorSource
from eventrail.errors import ContractError, EventrailError
from eventrail.rows.events import Row, row
from eventrail.sealing import UnknownKey

_ROWS_TOGETHER = 5_000
_STATE_SLACK_MS = 30 * 60 * 1000


class ReplayRefused(EventrailError):
    """The replay cannot be done as it was asked for; the message says why and what is possible."""


class Replay:
    """Replays events that were accepted `within`, with the lookups of `world`; `now_ms` is the Unix time in ms.

    The shadow table is there from `run` to `close`.
    """

    def __init__(self, within: TimeRange, raw: RawLog, stored: Stored, world: World, now_ms: int) -> None:
        self._within = within
        self._raw = raw
        self._stored = stored
        self._world = world
        self._now_ms = now_ms
        self._past = PastSessions()
        self._rows: list[Row] = []

    async def run(self, *, apply: bool = False) -> Report:
        """Enrich again and compare, and with `apply` write what differs as newer versions.

        Raises ReplayRefused, UnavailableError, or StoredRefused. Nothing is published on any topic.
        """
        known = await asyncio.to_thread(self._stored.partitions)
        spans = await self._raw.spans(self._within)
        await self._refuse_what_is_gone(spans)
        await asyncio.to_thread(self._remember, spans)
        await asyncio.to_thread(self._stored.make_shadow)
        report = Report(self._within, sum(found.rows for found in known.values()))
        for partition, span in spans.items():
            await self._partition(partition, span.begin, _end(span, known.get(partition)), report)
        await self._compare(report)
        if apply and report.comparison.changed:
            await self._apply(1 + max(found.revision for found in known.values()), report)
        return report

    async def _refuse_what_is_gone(self, spans: Mapping[int, Span]) -> None:
        gone = [
            latest
            for partition, span in spans.items()
            if span.first
            and (latest := await asyncio.to_thread(self._stored.latest_before, partition, span.first))
            is not None
        ]
        if gone:
            raise ReplayRefused(
                f"the raw topic no longer reaches back to {text(self._within.begin_ms)}: "
                f"the earliest possible --from is {text(max(gone) + 1)}"
            )

    def _remember(self, spans: Mapping[int, Span]) -> None:
        """Session states as they were where each partition's part of the raw topic begins."""
        self._past.add(
            found
            for found in self._stored.past()
            if (span := spans.get(found.raw_partition)) is not None and found.raw_offset < span.begin
        )

    async def _partition(self, partition: int, begin: int, end: int, report: Report) -> None:
        states = self._past.of(partition, self._within.begin_ms - _STATE_SLACK_MS)
        async for record in self._raw.read(partition, begin, end):
            outcome = self._processed(record, states)
            states.update(outcome.sessions.written)
            report.rejected.update(outcome.reasons)
            self._gather(outcome, report)
            if len(self._rows) >= _ROWS_TOGETHER:
                await self._put(report)
        await self._put(report)

    def _processed(self, record: RawRecord, states: Mapping[bytes, bytes]) -> Outcome:
        try:
            return process(record, Overlay(states), self._world, self._now_ms)
        except (UnknownKey, SaltMissing) as error:
            raise ReplayRefused(
                f"{error} (raw partition {record.partition}, offset {record.offset}); "
                "run the replay with the keys of the workers"
            ) from error

    def _gather(self, outcome: Outcome, report: Report) -> None:
        for made in outcome.enriched:
            event = EnrichedEvent.FromString(made.value or b"")
            if event.received_at_ms not in self._within:
                continue
            if event.visitor_source == VisitorSource.VISITOR_SOURCE_SALT_GONE:
                self._refuse_without_salt(event.received_at_ms)
            try:
                self._rows.append(row(event, 0, 0))
            except ContractError:
                report.rejected["NO_ROW"] += 1

    def _refuse_without_salt(self, accepted_ms: int) -> NoReturn:
        first = days.text(days.first_kept(self._now_ms))
        raise ReplayRefused(
            f"the salt of visitor ids of {days.text(utc_day(accepted_ms))} is gone: "
            f"the earliest possible --from is {first}T00:00:00Z"
        )

    async def _put(self, report: Report) -> None:
        rows, self._rows = self._rows, []
        if rows:
            report.replayed += len(rows)
            await asyncio.to_thread(self._stored.put, rows)

    async def _compare(self, report: Report) -> None:
        report.comparison = await asyncio.to_thread(self._stored.compare)
        for column in report.comparison.by_column:
            report.examples[column] = await asyncio.to_thread(self._stored.examples, column)

    async def _apply(self, revision: int, report: Report) -> None:
        await asyncio.to_thread(self._stored.apply, revision)
        report.applied = revision
        report.left = (await asyncio.to_thread(self._stored.compare)).changed


def _end(span: Span, known: StoredPartition | None) -> int:
    """Behind the last raw record that has an event of the range, as far as time and the stored rows tell.

    A chunk may have waited in its collector, and then stands behind records that are younger than its events.
    """
    return min(span.end, max(span.behind, known.last_offset + 1 if known else 0))
