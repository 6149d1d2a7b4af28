"""`./dev status`, `logs` and `down` beside a fake stack that runs in another process."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.stack  # no broker, but many whole processes: too slow for the unit tests

MakeStack = Callable[..., Any]
Until = Callable[[Callable[[], object]], None]


def test_status_lists_every_program_as_objects(fake_stack: MakeStack) -> None:
    stack = fake_stack()
    running = stack.serving()
    _, *programs = stack.processes()
    status, output = stack.run("status", "--json")
    running.terminate()
    assert status == 0
    at = stack.addresses
    assert json.loads(output) == [
        {"name": name, "pid": process.pid, "address": str(address), "ready": True}
        for (name, address), process in zip(
            (("collector", at.collector), ("writer", at.writer), ("query-api", at.query_api)),
            programs,
            strict=True,
        )
    ]


def test_a_program_that_does_not_answer_is_not_ready(fake_stack: MakeStack) -> None:
    stack = fake_stack()
    running = stack.serving()
    _, _, writer, _ = stack.processes()
    os.kill(writer.pid, signal.SIGSTOP)
    status, output = stack.run("status")
    os.kill(writer.pid, signal.SIGCONT)
    running.terminate()
    assert status == 1
    assert [line.split()[-1] for line in output.splitlines()] == ["READY", "yes", "no", "yes"]


def test_nothing_running_is_status_3_and_an_empty_list(fake_stack: MakeStack) -> None:
    stack = fake_stack()
    status, output = stack.run("status", "--json")
    assert status == 3
    assert json.loads(output.splitlines()[0]) == []
    assert "no stack runs here" in output
    assert stack.run("down")[0] == 3


def test_down_ends_the_stack_and_waits_for_it(fake_stack: MakeStack) -> None:
    stack = fake_stack()
    running = stack.serving()
    processes = stack.processes()
    status, output = stack.run("down")
    assert status == 0
    assert output.endswith("stopped\n")
    assert not any(process.is_alive() for process in processes)
    assert running.wait(timeout=60) == 0


def test_logs_show_the_end_also_when_nothing_runs_any_more(fake_stack: MakeStack) -> None:
    stack = fake_stack("print('made')")
    running = stack.up("--once")
    running.wait(timeout=60)
    assert "started" in stack.run("logs", "writer")[1]
    assert stack.run("logs", "topics-create") == (0, "made\n")


def test_following_a_log_shows_what_comes(fake_stack: MakeStack, tmp_path: Path) -> None:
    stack = fake_stack()
    log = stack.state.log("writer")
    log.parent.mkdir(parents=True)
    log.write_text("before\n")
    following = stack.dev("logs", "writer", "-f")
    assert following.stdout is not None
    assert following.stdout.readline() == "before\n"
    with log.open("a") as handle:
        handle.write("after\n")
    assert following.stdout.readline() == "after\n"
    following.send_signal(signal.SIGINT)
    assert following.wait(timeout=30) == 130


def test_a_name_without_a_log_is_told_with_the_names_there_are(fake_stack: MakeStack) -> None:
    stack = fake_stack()
    status, output = stack.run("logs", "zookeeper")
    assert status == 1
    assert "there is no log of 'zookeeper'; the names are: kafka, clickhouse" in output
