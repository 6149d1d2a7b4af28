"""What one survey of Kafka has found, in the order in which it must be asked. Pure."""

from dataclasses import dataclass
from functools import cached_property

from eventrail.checkpoints import Offsets, Spans, positions
from eventrail.spools.reports import Spool


@dataclass(frozen=True)
class Survey:
    """How far everybody was; each member was asked for after the one before it was known.

    `at_ms`: Unix milliseconds of this process's clock. `spools_end`: where the topic of the spools ended.
    `spools`: what its records before that end, at least, say. `enricher` and `writer`: the groups' commits that make
    sense, on the raw and the enriched topic.
    """

    at_ms: int
    spools_end: int
    spools: tuple[Spool, ...]
    raw: Spans
    enricher: Offsets
    enriched: Spans
    writer: Offsets

    @cached_property
    def enricher_at(self) -> dict[int, int]:
        """Where the enricher goes on, by raw partition."""
        return positions(self.enricher, self.raw)

    @cached_property
    def writer_at(self) -> dict[int, int]:
        """Where the writer goes on, by enriched partition."""
        return positions(self.writer, self.enriched)

    def is_anew_after(self, before: "Survey") -> bool:
        """Whether something went back since `before`, so that what was known then may be wrong now.

        A topic was created anew, a group was set back (perhaps because the table has lost rows), or our clock was.
        """
        return (
            self.at_ms < before.at_ms
            or self.spools_end < before.spools_end
            or _went_back(before.raw, self.raw)
            or _went_back(before.enriched, self.enriched)
            or _fell(before.enricher_at, self.enricher_at)
            or _fell(before.writer_at, self.writer_at)
        )

    def has_grown_since(self, before: "Survey") -> bool:
        """Whether a topic got partitions since `before`."""
        return self.raw.keys() != before.raw.keys() or self.enriched.keys() != before.enriched.keys()


def _went_back(before: Spans, now: Spans) -> bool:
    return any(
        at not in now or now[at].begin < span.begin or now[at].end < span.end for at, span in before.items()
    )


def _fell(before: Offsets, now: Offsets) -> bool:
    return any(now.get(at, 0) < offset for at, offset in before.items())
