"""Whether a process id still means the process it once meant."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

STATE_AND_START = (0, 19)
"""Fields 3 and 22 of /proc/PID/stat, counted after the command's closing bracket."""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process id with the start time of its process, which a reused id cannot have too.

    `started` is opaque text: clock ticks since boot on Linux, a date elsewhere.
    """

    pid: int
    started: str

    def is_alive(self) -> bool:
        return identify(self.pid) == self


def identify(pid: int) -> ProcessIdentity | None:
    """Return who runs under this id now; None for nobody, or one that is dead and not yet reaped."""
    started = _from_proc(pid) if sys.platform.startswith("linux") else _from_ps(pid)
    return ProcessIdentity(pid, started) if started else None


def _from_proc(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    fields = text.rpartition(")")[2].split()
    state, started = (fields[index] for index in STATE_AND_START)
    return "" if state in "ZX" else started


def _from_ps(pid: int) -> str:
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
