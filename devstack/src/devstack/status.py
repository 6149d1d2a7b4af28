"""`./dev status`, `./dev logs` and `./dev down`: what can be done with a running stack."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from devstack import programs
from devstack.errors import BadOption, DevstackError
from devstack.identity import ProcessIdentity
from devstack.logtail import follow, tail
from devstack.ports import Address
from devstack.readiness import quiet_client_logs
from devstack.state import ProgramState, StateDir
from devstack.terminal import say

NOT_RUNNING = 3
"""Exit status of `status` when nothing runs, as `systemctl status` has it."""

DOWN_LIMIT_S = 90.0
LOG_LINES = 200


@dataclass(frozen=True)
class ProgramStatus:
    """One entry of `status --json`. `pid` is null between a death and the next start."""

    name: str
    pid: int | None
    address: str
    ready: bool


async def _asked(program: ProgramState) -> ProgramStatus:
    address = Address.parse(program.address)
    why_not = await programs.question(program.name, address)() if program.pid else "no process"
    return ProgramStatus(program.name, program.pid, program.address, not why_not)


async def _all_asked(listed: Sequence[ProgramState]) -> list[ProgramStatus]:
    return await asyncio.gather(*map(_asked, listed))


def status(state_dir: StateDir, *, as_json: bool) -> int:
    """Print each program with its pid, address and readiness.

    Returns 0 when all are ready, 1 when one is not; raises NotRunning when there is no stack.
    """
    quiet_client_logs()
    found = asyncio.run(_all_asked(state_dir.running().programs))
    say(json.dumps([asdict(entry) for entry in found], indent=1) if as_json else _table(found))
    return 0 if all(entry.ready for entry in found) else 1


def _table(found: Sequence[ProgramStatus]) -> str:
    rows = [("NAME", "PID", "ADDRESS", "READY")]
    rows += [
        (entry.name, str(entry.pid or "-"), entry.address, "yes" if entry.ready else "no") for entry in found
    ]
    return "\n".join(f"{row[0]:<12}{row[1]:<9}{row[2]:<18}{row[3]}" for row in rows)


def logs(state_dir: StateDir, name: str, *, go_on: bool) -> int:
    """Print the end of a program's log; with `go_on` also what comes, until Ctrl-C.

    Works for the last run too. Raises BadOption for a name that has no log.
    """
    path = state_dir.log(name)
    if not path.exists():
        there = sorted(log.stem for log in path.parent.glob("*.log"))
        names = ", ".join(there or programs.NAMES)
        raise BadOption(f"there is no log of '{name}'; the names are: {names}")
    size = path.stat().st_size
    say(tail(path, LOG_LINES, end=size))
    if go_on:
        for text in follow(path, size):
            say(text.removesuffix("\n"))
    return 0


def down(state_dir: StateDir) -> int:
    """End the running stack in order and wait for it. Raises NotRunning."""
    supervisor = state_dir.running().supervisor
    os.kill(supervisor.pid, signal.SIGTERM)
    say("stopping ...")
    if not _gone(supervisor, DOWN_LIMIT_S):
        # Its programs are leashed to it and end with it.
        os.kill(supervisor.pid, signal.SIGKILL)
        if not _gone(supervisor, DOWN_LIMIT_S):
            raise DevstackError(f"process {supervisor.pid} does not end")
    state_dir.clear()
    say("stopped")
    return 0


def _gone(process: ProcessIdentity, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while process.is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
