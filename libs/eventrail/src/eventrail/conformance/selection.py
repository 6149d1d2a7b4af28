"""Which offsets are read: the newest of each partition, or a range of one."""

from collections.abc import Mapping
from dataclasses import dataclass

from eventrail.checkpoints import Span
from eventrail.errors import ConfigurationError


@dataclass(frozen=True)
class Selection:
    """The last `last` records of each partition, or of one; `begin` and `end` are offsets of that one."""

    last: int
    partition: int | None = None
    begin: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        if self.last < 1:
            raise ConfigurationError(f"--last {self.last}: expected 1 or more")
        if self.partition is None and (self.begin is not None or self.end is not None):
            raise ConfigurationError("--from and --to are offsets of one partition: say which by --partition")
        if self.begin is not None and self.end is not None and self.begin >= self.end:
            raise ConfigurationError(f"--from {self.begin} is not before --to {self.end}")

    def of(self, there: Mapping[int, Span]) -> dict[int, Span]:
        """What is to be read of what is `there`; a span may be empty. Raises ConfigurationError."""
        if self.partition is None:
            return {partition: self._newest(span) for partition, span in there.items()}
        if self.partition not in there:
            raise ConfigurationError(f"--partition {self.partition}: there are {min(there)} to {max(there)}")
        return {self.partition: self._newest(there[self.partition])}

    def _newest(self, span: Span) -> Span:
        end = span.end if self.end is None else min(self.end, span.end)
        begin = end - self.last if self.begin is None else self.begin
        return Span(max(begin, span.begin), max(end, span.begin))
