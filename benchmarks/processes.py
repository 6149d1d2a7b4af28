"""Processor time and memory of the processes that are measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

MIB = 1 << 20


@dataclass(frozen=True)
class Use:
    """Processor seconds (user and system) of a process and its children, and the most memory it had, in MiB (RSS)."""

    cpu_seconds: float
    peak_mib: float


@dataclass
class Account:
    """What named processes use from `begin` on; `look` notes their memory, so call it now and then."""

    processes: Mapping[str, int]
    _began: dict[str, float] = field(default_factory=dict)
    _peaks: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        self._peaks = dict.fromkeys(self.processes, 0.0)
        self._began = {name: cpu_seconds(pid) for name, pid in self.processes.items()}
        self.look()

    def look(self) -> None:
        """Raises psutil.NoSuchProcess where one of them has ended."""
        for name, pid in self.processes.items():
            self._peaks[name] = max(self._peaks[name], resident_mib(pid))

    def end(self) -> dict[str, Use]:
        """What was used since `begin`."""
        self.look()
        return {
            name: Use(cpu_seconds(pid) - self._began[name], self._peaks[name])
            for name, pid in self.processes.items()
        }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far. Raises psutil.NoSuchProcess, as `resident_mib` does."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def resident_mib(pid: int) -> float:
    """Memory of a process now (RSS)."""
    return float(psutil.Process(pid).memory_info().rss / MIB)
