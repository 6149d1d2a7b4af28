"""Stops a line when too many of its records are bad: then the fault is ours, and not the records'.

One bad record among good ones is rejected, and the line goes on. When many are bad, a service and its topic
or table do not fit each other, and rejecting would empty the line into the dead letters. So the line stops, nothing
is rejected and nothing committed, until a probe (the same records again, with those that came since) is fine.

Pure: no IO and no clock. How it is used:

    while breaker.opens(records, bad):       # ask before anything is rejected
        ...wait probe_pause(probes), then try the records again and count anew...
    ...reject what is bad...
    breaker.count(records, bad)              # once they are settled
"""

from collections import deque

PROBE_FIRST_SECONDS = 1.0
PROBE_LONGEST_SECONDS = 30.0


class Breaker:
    """Opens where more than `share` of the records are bad, and at least `minimum` of them.

    `share` is from above 0 to 1; 1 turns the breaker off. What is judged is a sliding window: the records
    in question and, where they are fewer than `minimum / share`, the ones settled before them, up to that number.
    """

    def __init__(self, share: float, minimum: int) -> None:
        self.share = share
        self.minimum = minimum
        self._window = minimum / share
        self._settled: deque[tuple[int, int]] = deque()

    @property
    def off(self) -> bool:
        """Whether a person decided that bad records are really bad, however many there are."""
        return self.share >= 1

    def opens(self, records: int, bad: int) -> bool:
        """Whether `bad` of `records` are too many; `records` were not counted yet. Changes nothing."""
        if self.off:
            return False
        of_all, of_bad = self._with_settled(records, bad)
        return of_bad >= self.minimum and of_bad > self.share * of_all

    def count(self, records: int, bad: int) -> None:
        """Remember that `records` are settled, `bad` of them by rejecting them."""
        if records:
            self._settled.append((records, bad))
        held = sum(number for number, _ in self._settled)
        while self._settled and held - self._settled[0][0] >= self._window:
            held -= self._settled.popleft()[0]

    def _with_settled(self, records: int, bad: int) -> tuple[float, float]:
        of_all, of_bad = float(records), float(bad)
        for number, bad_ones in reversed(self._settled):
            # Of the oldest entry only a part may fit; its bad ones are taken to be spread evenly.
            part = min(number, max(self._window - of_all, 0.0)) / number
            of_all += part * number
            of_bad += part * bad_ones
        return of_all, of_bad


def probe_pause(probes: int) -> float:
    """Seconds to wait after `probes` probes (from 1) that were not fine: doubled each time, bounded."""
    doubled: float = PROBE_FIRST_SECONDS * 2.0 ** min(probes - 1, 30)
    return min(doubled, PROBE_LONGEST_SECONDS)
