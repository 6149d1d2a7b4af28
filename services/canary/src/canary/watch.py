"""Which canary events are on their way, and for how long; times are seconds of a clock that never goes back."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sighting:
    """What a look at the answers showed: seconds from sending to this look by event, and events answered twice."""

    ages: Mapping[str, float]
    repeated: frozenset[str]


@dataclass
class Watch:
    """Events that were accepted, from sending to the first answer that has them.

    One that is in no answer after `patience_seconds` is missing until it is seen; one that is missing for
    `forget_seconds` is lost, and looked for no longer.
    """

    patience_seconds: float
    forget_seconds: float
    _sent: dict[str, float] = field(default_factory=dict)

    def accepted(self, event_id: str, sent_at: float) -> None:
        """The collector has the event."""
        self._sent[event_id] = sent_at

    def oldest(self, now: float) -> float | None:
        """Seconds since the oldest event that is on its way was sent; None where there is none."""
        return now - min(self._sent.values()) if self._sent else None

    def seen(self, answered: Iterable[str], now: float) -> Sighting:
        """Take note of the ids in an answer. Ids that nobody waits for count for nothing."""
        counts = Counter(answered)
        ages = {event_id: now - self._sent.pop(event_id) for event_id in counts if event_id in self._sent}
        return Sighting(ages, frozenset(event_id for event_id, count in counts.items() if count > 1))

    def missing(self, now: float) -> int:
        """Events that should have been in an answer by now."""
        return sum(now - sent_at > self.patience_seconds for sent_at in self._sent.values())

    def lost(self, now: float) -> int:
        """Let go of the events that nobody looks for any longer; returns how many."""
        gone = [event_id for event_id, sent_at in self._sent.items() if now - sent_at > self.forget_seconds]
        for event_id in gone:
            del self._sent[event_id]
        return len(gone)
