"""When a process that died is started again, and when to give up. Pure: times are given."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Backoff:
    """A life shorter than `quick_s` is a quick death; `allowed` of them in a row are forgiven.

    The pause before the n-th restart in a row is `first_s` doubled n-1 times, at most
    `longest_s`. A longer life clears the account. All times in seconds.
    """

    first_s: float = 0.5
    longest_s: float = 10.0
    quick_s: float = 20.0
    allowed: int = 4
    quick_deaths: int = 0

    def after_death(self, lived_s: float) -> "Backoff":
        """Return the account after one more death."""
        quick = lived_s < self.quick_s
        return replace(self, quick_deaths=self.quick_deaths + 1 if quick else 0)

    @property
    def exhausted(self) -> bool:
        """True when the last death was one too many."""
        return self.quick_deaths > self.allowed

    @property
    def pause_s(self) -> float:
        """Seconds to wait before the next start."""
        return min(self.longest_s, self.first_s * 2.0 ** max(0, self.quick_deaths - 1))
