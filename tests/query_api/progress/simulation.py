"""A river in plain Python: collectors with and without spools, enricher and writer, each of which may die at any step.

Time is a number that grows with each step. Bugs can be planted, to see that they are found.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from eventrail.checkpoints import Span
from eventrail.spools.reports import Spools, report
from query_api.progress.survey import Survey
from query_api.progress.tracker import Tracker

PARTITIONS = 2
BUGS = ("writer commits early", "report lies", "202 before registration", "ends before commits")


@dataclass
class Collector:
    """One folder and the processes that use it one after the other."""

    name: str
    spool: list[int] = field(default_factory=list)
    marked: bool = False
    acknowledged: int | None = None
    process: object = field(default_factory=object)

    def restart(self) -> None:
        self.process, self.acknowledged = object(), None


@dataclass
class Flight:
    """A report that was sent and may arrive at any time, or never."""

    collector: Collector
    value: bytes
    process: object


@dataclass
class River:
    source: random.Random
    bug: str = ""
    now: int = 1
    raw: list[list[int]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    enriched: list[list[int]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    accepted: dict[int, int] = field(default_factory=dict)
    rejected: set[int] = field(default_factory=set)
    rows: dict[tuple[int, int], int] = field(default_factory=dict)
    enricher_at: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    enricher_committed: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    writer_at: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    writer_committed: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    collectors: list[Collector] = field(default_factory=list)
    flights: list[Flight] = field(default_factory=list)
    spools: list[tuple[bytes, bytes | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Two of three rivers have collectors with a spool."""
        self.collectors = [Collector(name) for name in ("one", "two")[: self.source.randrange(3)]]

    # Collectors

    def _event(self) -> int:
        self.now += 1
        made = len(self.accepted)
        self.accepted[made] = self.now
        return made

    def accept(self) -> None:
        self.raw[self.source.randrange(PARTITIONS)].append(self._event())

    def accept_on_disk(self) -> None:
        one = self.source.choice(self.collectors)
        if one.marked or self.bug == "202 before registration":
            one.spool.append(self._event())

    def drain(self) -> None:
        one = self.source.choice(self.collectors)
        if one.spool:
            self.raw[self.source.randrange(PARTITIONS)].append(one.spool[0])
            if self.source.random() < 0.8:  # else it dies before it has taken the event out: a copy follows
                one.spool.pop(0)

    def form_report(self) -> None:
        """One more, whatever became of those before it."""
        one = self.source.choice(self.collectors)
        events = 0 if self.bug == "report lies" else len(one.spool)
        value = report(events, one.acknowledged, "host")
        self.flights.append(Flight(one, value, one.process))

    def land_report(self) -> None:
        if not self.flights:
            return
        flight = self.flights.pop(self.source.randrange(len(self.flights)))
        one = flight.collector
        self.spools.append((one.name.encode(), flight.value))
        if flight.process is one.process and self.source.random() < 0.9:
            one.acknowledged, one.marked = len(self.spools) - 1, True

    def lose_report(self) -> None:
        if self.flights:
            self.flights.pop(self.source.randrange(len(self.flights)))

    def kill_collector(self) -> None:
        one = self.source.choice(self.collectors)
        one.restart()

    def end_collector(self) -> None:
        one = self.source.choice(self.collectors)
        if one.spool:
            return
        one.marked = False
        if self.source.random() < 0.5:  # else it dies before
            self.spools.append((one.name.encode(), None))
        one.restart()

    # Enricher and writer

    def enrich(self) -> None:
        at = self.source.randrange(PARTITIONS)
        if self.enricher_at[at] < len(self.raw[at]):
            made = self.raw[at][self.enricher_at[at]]
            if made % 7 == 0:
                self.rejected.add(made)
            else:
                self.enriched[self.source.randrange(PARTITIONS)].append(made)
            self.enricher_at[at] += 1

    def commit_enricher(self) -> None:
        self.enricher_committed = list(self.enricher_at)

    def kill_enricher(self) -> None:
        self.enricher_at = list(self.enricher_committed)

    def write(self) -> None:
        at = self.source.randrange(PARTITIONS)
        first, end = self.writer_at[at], len(self.enriched[at])
        if self.bug == "writer commits early":
            self.writer_at[at] = end
            self.commit_writer()
            if self.source.random() < 0.3:
                return
        for offset in range(first, end):
            made = self.enriched[at][offset]
            if made % 5 == 0:
                self.rejected.add(made)
            else:
                self.rows[at, offset] = made
        self.writer_at[at] = end

    def commit_writer(self) -> None:
        self.writer_committed = list(self.writer_at)

    def kill_writer(self) -> None:
        self.writer_at = list(self.writer_committed)

    def restore(self) -> None:
        """The table is that of an older backup, and the writer's group is set back to it."""
        for at in range(PARTITIONS):
            back = self.source.randrange(self.writer_committed[at] + 1)
            self.rows = {
                place: made for place, made in self.rows.items() if place[0] != at or place[1] < back
            }
            self.writer_at[at] = self.writer_committed[at] = back

    def set_enricher_back(self) -> None:
        for at in range(PARTITIONS):
            back = self.source.randrange(self.enricher_committed[at] + 1)
            self.enricher_at[at] = self.enricher_committed[at] = back

    def step(self) -> None:
        """Any of what may happen at any time; a bias keeps things moving."""
        choices: list[Callable[[], None]] = [self.accept]
        choices += (
            [self.enrich] * 5 + [self.commit_enricher] * 3 + [self.write] * 4 + [self.commit_writer] * 3
        )
        if self.collectors:
            choices += [self.accept_on_disk, self.drain, self.drain]
            choices += [self.form_report, self.form_report] + [self.land_report] * 4
        if self.source.random() < 0.03:
            choices = [self.kill_enricher, self.kill_writer]
            choices += [self.kill_collector, self.end_collector, self.lose_report] if self.collectors else []
        self.source.choice(choices)()

    def calm(self) -> None:
        """Everybody is there and has caught up; no report is on its way."""
        self.flights.clear()
        for one in self.collectors:
            self.raw[0].extend(one.spool)
            one.spool.clear()
        while any(self.enricher_at[at] < len(self.raw[at]) for at in range(PARTITIONS)):
            self.enrich()
        self.commit_enricher()
        while any(self.writer_at[at] < len(self.enriched[at]) for at in range(PARTITIONS)):
            self.write()
        self.commit_writer()

    def report_in_order(self) -> None:
        """Each collector's next report, acknowledged before anything else happens."""
        for one in self.collectors:
            self.spools.append((one.name.encode(), report(len(one.spool), one.acknowledged, "host")))
            one.acknowledged, one.marked = len(self.spools) - 1, True


class Observer:
    """Takes surveys in the order of the real one, with the river flowing on between any two questions."""

    def __init__(self, river: River, steps: int = 3) -> None:
        self.river = river
        self.tracker = Tracker()
        self._steps = steps
        self._spools = Spools()
        self._read = 0

    def survey(self) -> None:
        river = self.river
        river.now += 1
        at_ms = river.now
        self._flow()
        end = self._read_spools()
        self._flow()
        raw = self._spans(river.raw)
        early_enriched = self._spans(river.enriched)
        self._flow()
        enricher = dict(enumerate(river.enricher_committed))
        self._flow()
        enriched = early_enriched if river.bug == "ends before commits" else self._spans(river.enriched)
        self._flow()
        writer = dict(enumerate(river.writer_committed))
        spools = tuple(self._spools)
        self.tracker.take(Survey(at_ms, end, spools, raw, enricher, enriched, writer))

    def _read_spools(self) -> int:
        end = len(self.river.spools)
        for offset in range(self._read, end):
            key, value = self.river.spools[offset]
            self._spools.take(offset, key, value, 0)
        self._read = end
        return end

    def _flow(self) -> None:
        # Mostly nothing happens between two questions, and at times a lot.
        if self.river.source.random() < 0.4:
            for _ in range(self.river.source.randrange(self._steps + 1)):
                self.river.step()

    @staticmethod
    def _spans(logs: list[list[int]]) -> dict[int, Span]:
        return {at: Span(0, len(log)) for at, log in enumerate(logs)}

    def missing(self) -> list[int]:
        """Events from before data_through that are neither stored nor rejected."""
        through = self.tracker.data_through_ms or 0
        known = set(self.river.rows.values()) | self.river.rejected
        return [made for made, at in self.river.accepted.items() if at < through and made not in known]

    def run(self, steps: int, *, setbacks: bool = False) -> list[int]:
        """All that was ever missing after a survey."""
        found = []
        for _ in range(steps):
            self.river.step()
            if self.river.source.random() < 0.2:
                if setbacks and self.river.source.random() < 0.1:
                    self.river.source.choice([self.river.restore, self.river.set_enricher_back])()
                self.survey()
                found += self.missing()
        return found
