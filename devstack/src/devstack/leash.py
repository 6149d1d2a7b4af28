"""Run a command that ends when the process which started it ends, however it ends.

    python -I -S leash.py PARENT_PID COMMAND ARGUMENT...

On Linux the kernel does it: the process asks for SIGKILL at its parent's death and then becomes
the command. Elsewhere it stays in between, hands signals on, and looks after the parent
each second. SIGKILL loses nothing here: what was promised is with the broker or the engine,
and both keep what the operating system has taken from them.

The file imports nothing of this package, so that it starts in a few milliseconds.
"""

import contextlib
import ctypes
import os
import platform
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
LOOK_EVERY_S = 1.0
EXIT_PARENT_GONE = 143
EXIT_NO_COMMAND = 127


def become(parent: int, command: list[str]) -> None:
    """Replace this process by the command, leashed by the kernel (Linux, `man 2 prctl`).

    Returns only when the parent died before the leash was on.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() == parent:
        os.execvp(command[0], command)  # noqa: S606


def guard(parent: int, command: list[str]) -> int:
    """Run the command as a child, and kill it when the parent is gone. Return its exit status."""
    child = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: child.send_signal(number))
    while os.getppid() == parent:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(timeout=LOOK_EVERY_S)
    child.kill()
    child.wait()
    return EXIT_PARENT_GONE


def main() -> int:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    try:
        if platform.system() != "Linux":
            return guard(parent, command)
        become(parent, command)
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        return EXIT_NO_COMMAND
    return EXIT_PARENT_GONE


if __name__ == "__main__":
    sys.exit(main())
