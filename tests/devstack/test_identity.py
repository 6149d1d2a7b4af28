import os
import subprocess
import sys

from devstack.identity import ProcessIdentity, identify


def test_this_process_is_alive() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert me.pid == os.getpid()
    assert me.is_alive()


def test_a_reused_id_is_another_process() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert not ProcessIdentity(me.pid, f"{me.started}0").is_alive()


def test_a_dead_process_is_not_alive_even_before_it_is_reaped() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        alive = identify(child.pid)
        assert alive is not None
        assert alive.is_alive()
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not alive.is_alive()
    assert identify(child.pid) is None
