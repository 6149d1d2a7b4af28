"""The note that a running stack leaves for `down`, `status` and `logs`.

It lies in `.dev/` of the checkout (or in the folder of `EVENTRAIL_DEV_STATE`), beside a lock
that the supervisor holds for as long as it lives: one stack per folder.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from devstack.checkout import STATE_DIR
from devstack.claim import claimed
from devstack.errors import BadOption, NotRunning
from devstack.identity import ProcessIdentity
from devstack.ports import Address


@dataclass(frozen=True)
class ProgramState:
    """One program as it was last started. `pid` is None between a death and the next start."""

    name: str
    pid: int | None
    address: str


@dataclass(frozen=True)
class StackState:
    """The supervisor, its programs in start order, and where data and logs are."""

    supervisor: ProcessIdentity
    data: str
    programs: tuple[ProgramState, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "StackState":
        """Raises ValueError when the text is no note of this version."""
        try:
            note = json.loads(text)
            programs = tuple(ProgramState(**program) for program in note["programs"])
            for program in programs:
                Address.parse(program.address)
            return cls(ProcessIdentity(**note["supervisor"]), note["data"], programs)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no note of a running stack: {error}") from error


@dataclass(frozen=True)
class StateDir:
    """The folder `.dev/`, by the names of what is in it."""

    path: Path

    @classmethod
    def default(cls) -> "StateDir":
        return cls(Path(os.environ.get("EVENTRAIL_DEV_STATE") or STATE_DIR).resolve())

    @property
    def note(self) -> Path:
        return self.path / "stack.json"

    def log(self, name: str) -> Path:
        """The log of a program or job; logs stay when the stack ends, until the next start."""
        return self.path / "logs" / f"{name.replace(' ', '-')}.log"

    def write(self, state: StackState) -> None:
        """Replace the note in one step, so that a reader sees the old or the new one."""
        fresh = self.note.with_suffix(".new")
        fresh.write_text(state.to_json(), encoding="utf-8")
        fresh.replace(self.note)

    def clear(self) -> None:
        self.note.unlink(missing_ok=True)

    def running(self) -> StackState:
        """Return the note of the stack that runs now. Raises NotRunning, also for an old note."""
        try:
            state = StackState.from_json(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            state = None
        if state is None or not state.supervisor.is_alive():
            raise NotRunning("no stack runs here; start one with ./dev up")
        return state

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folder and hold it for one stack.

        Raises AlreadyRunning at once when another has it, BadOption when it cannot be a folder.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadOption(
                f"{self.path} cannot be used as a folder for state and logs ({error.strerror});"
                " EVENTRAIL_DEV_STATE names another one"
            ) from error
        refusal = "a stack runs here already; see ./dev status, end it with ./dev down"
        with claimed(self.path / "stack.lock", refusal):
            yield
