"""`./dev up` with fake programs: it serves, it ends in order, and it leaves nothing behind."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devstack.keys import FILE_NAME

pytestmark = pytest.mark.stack  # no broker, but many whole processes: too slow for the unit tests

MakeStack = Callable[..., Any]
Until = Callable[[Callable[[], object]], None]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order_with_status_0(
    fake_stack: MakeStack, ends: Path, number: signal.Signals
) -> None:
    stack = fake_stack()
    running = stack.serving()
    processes = stack.processes()
    assert len(processes) == 4
    running.send_signal(number)
    assert running.wait(timeout=60) == 0
    stopped = ends.read_text().split()
    assert sorted(stopped) == ["collector", "query-api", "writer"]
    assert stopped[-1] == "writer"
    assert not any(process.is_alive() for process in processes)
    left = sorted(path.name for path in stack.state.path.iterdir())
    assert left == ["logs", "stack.lock"]
    assert "stopped writer" in stack.state.log("writer").read_text()


def test_once_ends_by_itself(fake_stack: MakeStack) -> None:
    stack = fake_stack("print('created')")
    running = stack.up("--once")
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert output.endswith("stopped\n")
    assert stack.state.log("topics create").read_text() == "created\n"


def test_kill_9_leaves_no_process_and_the_next_start_cleans_up(fake_stack: MakeStack, until: Until) -> None:
    stack = fake_stack()
    running = stack.serving()
    processes = stack.processes()
    running.kill()
    running.wait()
    until(lambda: not any(process.is_alive() for process in processes))
    assert [*stack.state.path.glob("data-*/seen")] != []
    assert stack.run("status")[0] == 3
    again = stack.up("--once")
    assert again.wait(timeout=60) == 0
    assert [*stack.state.path.glob("data-*")] == []


def test_a_used_port_is_named_and_nothing_is_started(fake_stack: MakeStack) -> None:
    stack = fake_stack()
    at = stack.addresses.writer
    with socket.socket() as taken:
        taken.bind((at.host, at.port))
        taken.listen()
        running = stack.up()
        output, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert f"{at} is in use; writer wants to listen there" in output
    assert "--port-base" in output
    assert not stack.state.log("collector").exists()


def test_a_failed_job_is_shown_and_what_runs_is_stopped(fake_stack: MakeStack, ends: Path) -> None:
    stack = fake_stack("import sys; sys.exit('the broker refuses: no room')")
    running = stack.up()
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "topics create ended with status 1:\n    the broker refuses: no room" in output
    assert ends.read_text().split() == ["collector"]


def test_a_stop_during_the_start_is_told_by_the_status(fake_stack: MakeStack, until: Until) -> None:
    stack = fake_stack("print('at work', flush=True); import time; time.sleep(600)")
    running = stack.up()
    log = stack.state.log("topics create")
    until(lambda: log.exists() and "at work" in log.read_text())
    processes = stack.processes()
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 130
    assert not any(process.is_alive() for process in processes)


def test_one_checkout_has_one_stack(fake_stack: MakeStack) -> None:
    stack = fake_stack()
    stack.serving()
    status, output = stack.run("up", "--once")
    assert status == 1
    assert "a stack runs here already" in output
    stack.run("down")


def test_data_and_keys_are_kept_where_the_person_wants_it(fake_stack: MakeStack, tmp_path: Path) -> None:
    stack, data = fake_stack(), tmp_path / "kept" / "data"
    made = []
    for _ in range(2):
        running = stack.up("--once", "--data", str(data))
        assert running.wait(timeout=60) == 0
        made.append((data / FILE_NAME).read_text())
    assert made[0] == made[1]
    assert (data / "seen").exists()


def test_data_of_a_running_stack_are_not_touched_by_another(fake_stack: MakeStack, tmp_path: Path) -> None:
    one, other, data = fake_stack(), fake_stack(), tmp_path / "kept"
    running = one.serving("--data", str(data))
    (data / "seen").unlink()
    refused = other.up("--data", str(data))
    output, _ = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert f"--data {data} is in use by another stack" in output
    assert not (data / "seen").exists()
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 0
    assert other.up("--once", "--data", str(data)).wait(timeout=60) == 0


def test_data_that_is_no_folder_is_told(fake_stack: MakeStack, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, output = fake_stack().run("up", "--data", str(tmp_path / "file"), "--port-base", "31990")
    assert status == 1
    assert "cannot be used as a folder" in output


def test_a_service_that_is_killed_comes_back(fake_stack: MakeStack, until: Until) -> None:
    stack = fake_stack()
    running = stack.serving()
    supervisor, *programs = stack.processes()
    for process in programs:
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: len({*stack.processes()} - {*programs}) == 4)
    until(lambda: stack.run("status")[0] == 0)
    running.terminate()
    output, _ = running.communicate(timeout=60)
    assert output.count("was ended by SIGKILL") == 3
    assert not supervisor.is_alive()
