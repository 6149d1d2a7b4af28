"""What every case is given."""

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Use


@dataclass
class Bench:
    """How much is measured, and where.

    `runs` measurements of each figure, `seconds` each; `quick` cases may leave out their long parts.
    """

    folder: Path
    quick: bool
    runs: int
    seconds: float
    seed: int = 1
    capacity: dict[str, float] = field(default_factory=dict)
    """Processor seconds that a million events cost in each stage, for the capacity card."""
    profiles: dict[str, str] = field(default_factory=dict)
    """Where the hot loops spend their time, as text."""

    def fresh(self, name: str) -> Path:
        """A folder for the data of a case."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def say(self, text: str) -> None:
        """Show it while the case runs."""
        print(f"  {text}", flush=True)

    def costs(self, stage: str, use: Use, events: float) -> None:
        """Note what `events` events cost a stage."""
        self.capacity[stage] = use.cpu_seconds / events * 1_000_000
