"""From surveys to `data_through`: told from offsets alone, pure.

A moment T is on its way through three lines, and each of them needs one question that was asked after the one before:

1. until all registered spools are known to have been empty after T: then all that has a 202 from before T is on the
   raw topic, and lies before the ends that are asked for now;
2. until all raw records before these ends are settled.

What is settled is told by a line of its own: the enricher commits a record after all that came of it was acknowledged,
so that lies before the ends of the enriched partitions that are asked for afterwards, and when the writer has committed
up to there, it is in the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eventrail.checkpoints import Waiting, ends, passed
from eventrail.spools.reports import Spool
from query_api.progress.survey import Survey

_SPOOLS = 0  # their topic has one partition


@dataclass
class Tracker:
    """`data_through_ms` is None until it is known. `settled`: by raw partition, the first unsettled record."""

    data_through_ms: int | None = None
    settled: dict[int, int] = field(default_factory=dict)
    last: Survey | None = None
    _at_spools: Waiting[int] = field(default_factory=Waiting)
    _at_river: Waiting[int] = field(default_factory=Waiting)
    _at_writer: Waiting[dict[int, int]] = field(default_factory=Waiting)

    def take(self, survey: Survey) -> None:
        """The next survey, which was begun after the one before it had ended."""
        if self.last is not None:
            self._compare(self.last, survey)
        self.last = survey
        self._settle(survey)
        self._move(survey)

    def is_settled(self, offsets: Mapping[int, int]) -> bool:
        """Whether the records at `offsets`, by raw partition, are stored, rejected or copies."""
        return all(self.settled.get(at, 0) > offset for at, offset in offsets.items())

    def holding_spools(self) -> list[Spool]:
        """Spools for which the oldest moment waits."""
        oldest = self._at_spools.oldest()
        if oldest is None or self.last is None:
            return []
        end = oldest[1][_SPOOLS]
        return [spool for spool in self.last.spools if not spool.was_empty_after(end)]

    def holding_raw(self) -> list[int]:
        """Raw partitions in which the oldest moment waits for the enricher."""
        oldest = self._at_river.oldest()
        return [] if oldest is None or self.last is None else _behind(self.last.enricher_at, oldest[1])

    def holding_enriched(self) -> list[int]:
        """Enriched partitions in which the writer has not come to where a moment waits for it."""
        oldest, moment = self._at_writer.oldest(), self._at_river.oldest()
        if oldest is None or self.last is None or moment is None or passed(self.settled, moment[1]):
            return []
        return _behind(self.last.writer_at, oldest[1])

    def _compare(self, before: Survey, now: Survey) -> None:
        if now.is_anew_after(before):
            self.data_through_ms, self.settled = None, {}
            self._drop_lines()
        elif now.has_grown_since(before):
            # A moment that was asked for without the new partitions might lack what was sent there meanwhile.
            self._drop_lines()

    def _drop_lines(self) -> None:
        for line in (self._at_spools, self._at_river, self._at_writer):
            line.clear()

    def _settle(self, survey: Survey) -> None:
        self._at_writer.add(survey.enricher_at, ends(survey.enriched))
        settled = self._at_writer.reach(survey.writer_at)
        if settled is not None:
            self.settled = settled

    def _move(self, survey: Survey) -> None:
        self._at_spools.add(survey.at_ms, {_SPOOLS: survey.spools_end})
        emptied = self._at_spools.reach_where(
            lambda _at, awaited: all(spool.was_empty_after(awaited[_SPOOLS]) for spool in survey.spools)
        )
        if emptied is not None:
            self._at_river.add(emptied, ends(survey.raw))
        through = self._at_river.reach(self.settled)
        if through is not None:
            self.data_through_ms = through


def _behind(reached: Mapping[int, int], awaited: Mapping[int, int]) -> list[int]:
    return [at for at, end in awaited.items() if reached.get(at, 0) < end]
