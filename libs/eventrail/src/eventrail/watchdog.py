"""Ends a process that stands still although there is something to do; its supervisor or Kubernetes restarts it."""

EXIT_STATUS = 3
"""Status of a process that its watchdog ended."""


class Watchdog:
    """Judges by progress alone, never by what a library says of itself.

    More than `limit_seconds` without progress is too much. Pure: it only says so, and whoever asks ends the process.
    """

    def __init__(self, limit_seconds: float) -> None:
        self._limit = limit_seconds
        self._last: object = None
        self._since: float | None = None

    def stuck_seconds(self, now: float, progress: object, *, waiting: bool) -> float:
        """Seconds for which `progress` was the same although something was `waiting`; 0.0 when it moves.

        `now` is monotonic; `progress` is anything that differs from look to look while work is done. Say `waiting`
        only while nothing excuses a standstill: time spent waiting for a named cause does not count.
        """
        moved, self._last = progress != self._last, progress
        if moved or not waiting:
            self._since = None
        elif self._since is None:
            self._since = now
        return 0.0 if self._since is None else now - self._since

    def excuse(self) -> None:
        """Begin to count anew."""
        self._since = None

    def barks(self, stuck_seconds: float) -> bool:
        """Whether the process has to end."""
        return stuck_seconds >= self._limit
