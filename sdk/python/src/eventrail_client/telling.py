"""What a program is told about its events: refusals by a function of its own, everything by log lines."""

import logging
from collections.abc import Callable
from typing import Final

from eventrail_client.delivery import Ended, Refusal
from eventrail_client.errors import InvalidEvent

_log = logging.getLogger("eventrail_client")

DROPPED_SECONDS: Final = 60.0
"""Between two lines about a full queue."""

OnRefused = Callable[[Refusal], object]


class Teller:
    """Tells each thing once; `on_refused` takes the place of the line for each refused event."""

    def __init__(self, on_refused: OnRefused | None) -> None:
        self._on_refused = on_refused
        self._dropped = 0
        self._dropped_line_at: float | None = None
        self._notes: set[str] = set()

    def refused(self, refusal: Refusal) -> None:
        """An event will not be counted."""
        if self._on_refused is None:
            place = "" if refusal.index is None else f" (number {refusal.index} of its request)"
            _log.error(
                "event %r%s was refused: %s: %s", refusal.event_name, place, refusal.code, refusal.reason
            )
            return
        try:
            self._on_refused(refusal)
        except Exception:
            _log.exception("on_refused failed on %r", refusal)

    def invalid(self, name: object, error: InvalidEvent) -> None:
        """An event was not taken, because the collector would refuse it."""
        self.refused(Refusal(None, str(name), None, error.code, str(error), error.field))

    def ended(self, ended: Ended) -> None:
        """A request was answered, or was not."""
        for refusal in ended.refusals:
            self.refused(refusal)
        if ended.trouble:
            _log.warning("events are kept and sent again: %s", ended.trouble)
        for note in ended.notes:
            if note not in self._notes and len(self._notes) < _MOST_NOTES:
                self._notes.add(note)
                _log.warning("the collector took events, but %s", note)

    def dropped(self, total: int, now: float) -> None:
        """`total` events were dropped so far; `now` is in seconds of any clock."""
        last = self._dropped_line_at
        if total > self._dropped and (last is None or now - last >= DROPPED_SECONDS):
            _log.error("%d events were dropped: the queue was full", total - self._dropped)
            self._dropped, self._dropped_line_at = total, now

    def left(self, lost: int) -> None:
        """The client ends, and so many events were neither sent nor are on disk."""
        if lost:
            _log.error("%d events were not sent and are lost", lost)


_MOST_NOTES: Final = 100
