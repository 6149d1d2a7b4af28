"""The leash: what it holds ends with its parent, however the parent ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack import leash
from devstack.identity import identify

Until = Callable[[Callable[[], object]], None]

PARENT = """
import os, subprocess, sys
leash, mode, note = sys.argv[1:]
child = [sys.executable, "-S", "-c",
    "import os, sys, time; open(sys.argv[1] + '.new', 'w').write(str(os.getpid()));"
    "os.rename(sys.argv[1] + '.new', sys.argv[1]); time.sleep(600)", note]
code = f"import sys; sys.path.insert(0, {os.path.dirname(leash)!r}); import leash;"
code += f"sys.exit(leash.{mode}({os.getpid()}, {child!r}))"
subprocess.Popen([sys.executable, "-I", "-S", "-c", code]).wait()
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["become", "guard"])
def test_kill_9_of_the_parent_ends_the_child(tmp_path: Path, mode: str, until: Until) -> None:
    if mode == "become" and not sys.platform.startswith("linux"):
        pytest.skip("only Linux has PR_SET_PDEATHSIG")
    note = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", PARENT, leash.__file__, mode, str(note)]) as parent:
        until(note.exists)
        child = identify(int(note.read_text()))
        assert child is not None
        assert child.is_alive()
        parent.kill()
    until(lambda: not child.is_alive())


def test_the_status_of_the_command_is_handed_on() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), sys.executable, "-c", "exit(7)"],
        check=False,
    )
    assert done.returncode == 7


def test_the_guard_hands_on_status_and_signals(tmp_path: Path, until: Until) -> None:
    child = "import time; open('up', 'w'); time.sleep(600)"
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(leash.__file__).parent)!r})
import leash
sys.exit(leash.guard(os.getppid(), [sys.executable, "-c", {child!r}]))
"""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", code], cwd=tmp_path) as guard:
        until((tmp_path / "up").exists)
        guard.send_signal(signal.SIGTERM)
        assert guard.wait(timeout=20) != 0


def test_nothing_is_started_when_the_parent_is_gone_already() -> None:
    gone = subprocess.run([sys.executable, "-c", ""], check=False)
    assert gone.returncode == 0
    done = subprocess.run(
        [sys.executable, "-I", "-S", leash.__file__, "1", sys.executable, "-c", "print('ran')"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == leash.EXIT_PARENT_GONE
    assert "ran" not in done.stdout
