"""Where a running process spends its processor time, by samples of its stacks (py-spy)."""

import asyncio
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Final

from devstack.terminal import say_error

RATE: Final = 200
SHOWN: Final = 25
_PROGRAM: Final = Path(sysconfig.get_path("scripts")) / "py-spy"


async def profile(pid: int, seconds: float, folder: Path) -> str:
    """The functions with most samples of the process while it is running on a processor, as lines of text.

    Empty, after a word on stderr, where this machine does not let one process look into another.
    """
    output = folder / f"profile-{pid}.txt"
    command = (
        str(_PROGRAM),
        "record",
        "--pid",
        str(pid),
        "--duration",
        f"{seconds:.0f}",
        "--rate",
        str(RATE),
    )
    process = await asyncio.create_subprocess_exec(
        *(*command, "--gil", "--format", "raw", "--output", str(output), "--nonblocking"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await process.communicate()
    if process.returncode:
        said = complaint.decode(errors="replace").strip().splitlines()
        say_error(f"no profile of process {pid}: {said[-1] if said else process.returncode}")
        return ""
    return summary(await asyncio.to_thread(output.read_text))


def summary(stacks: str) -> str:
    """Shares of the samples in which each function was running itself, and in which it was on the stack.

    `stacks` has lines of `outer;…;inner COUNT`.
    """
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        names = [frame.rpartition(":")[0] or frame for frame in frames.split(";")]
        own[names[-1]] += int(count)
        for name in set(names):
            within[name] += int(count)
    total = own.total()
    lines = [
        f"{count / total:6.1%} {within[name] / total:7.1%}  {name}" for name, count in own.most_common(SHOWN)
    ]
    return "\n".join(("  self   in it  function", *lines)) if total else ""
