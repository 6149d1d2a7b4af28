"""Which rejected events are meant: filters that are all to fit."""

from dataclasses import dataclass
from typing import Final

from eventrail.rejected.entry import Entry


@dataclass(frozen=True, slots=True)
class Filters:
    """What an entry must have; an empty set or None asks for nothing.

    `stages` and `reasons` hold the numbers of the enums. Times are Unix milliseconds of the rejection, from
    `since_ms` on, to before `until_ms`.
    """

    stages: frozenset[int] = frozenset()
    reasons: frozenset[int] = frozenset()
    websites: frozenset[str] = frozenset()
    event_ids: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None

    def fit(self, entry: Entry) -> bool:
        """Whether `entry` is meant. One that cannot be read fits only where times alone are asked for."""
        return self._in_time(entry.at_ms) and self._is_kind(entry)

    def _in_time(self, at_ms: int) -> bool:
        return (self.since_ms is None or at_ms >= self.since_ms) and (
            self.until_ms is None or at_ms < self.until_ms
        )

    def _is_kind(self, entry: Entry) -> bool:
        event = entry.event
        if event is None:
            return not (self.stages or self.reasons or self.websites or self.event_ids)
        pairs: tuple[tuple[frozenset[object], object], ...] = (
            (self.stages, event.stage),
            (self.reasons, event.reason),
            (self.websites, event.website_id),
            (self.event_ids, event.event_id),
        )
        return all(not wanted or value in wanted for wanted, value in pairs)


EVERYTHING: Final = Filters()
