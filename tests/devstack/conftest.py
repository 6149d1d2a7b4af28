"""Fake programs for the supervisor: tiny Python scripts that answer, die, hang or ignore signals."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.identity import ProcessIdentity, identify
from devstack.ports import Address, free_addresses
from devstack.process import Job, Program
from devstack.readiness import http_ready
from devstack.state import StateDir

SERVER = """
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"ready": True, "pid": os.getpid()}).encode())
    def log_message(self, *_): pass

HTTPServer.allow_reuse_address = True
print("started", os.getpid(), flush=True)
server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
def stop(*_):
    print("stopped", sys.argv[2], flush=True)
    with open(sys.argv[3], "a") as ends: ends.write(sys.argv[2] + "\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
server.serve_forever()
"""


@pytest.fixture
def ends(tmp_path: Path) -> Path:
    """The file into which fake servers write their names, in the order of their ends."""
    return tmp_path / "ends"


@pytest.fixture
def server(tmp_path: Path, ends: Path) -> Callable[[str, Address], Program]:
    """Make a program that answers /readyz with 200 and ends orderly on SIGTERM."""
    script = tmp_path / "server.py"
    script.write_text(SERVER, encoding="utf-8")

    def make(name: str, at: Address) -> Program:
        command = (sys.executable, "-I", str(script), str(at.port), name, str(ends))
        return Program(name, command, at, http_ready(at.url))

    return make


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """Make the command of a Python script."""

    def make(code: str) -> tuple[str, ...]:
        path = tmp_path / f"script-{len(list(tmp_path.iterdir()))}.py"
        path.write_text(code, encoding="utf-8")
        return (sys.executable, "-I", str(path))

    return make


@pytest.fixture
def job(script: Callable[[str], tuple[str, ...]]) -> Callable[[str, str], Job]:
    """Make a job of a name and Python code."""
    return lambda name, code: Job(name, script(code))


LAUNCHER = """
import sys
from pathlib import Path
from devstack.__main__ import main
from devstack import programs, up
from devstack.ports import Address
from devstack.process import Job, Program
from devstack.programs import Plan
from devstack.readiness import http_ready

server, ends, job = {server!r}, {ends!r}, {job!r}

def fake(name, at):
    command = (sys.executable, "-I", server, str(at.port), name, ends)
    return Program(name, command, at, http_ready(at.url))

def planned(addresses, data):
    (data / "seen").write_text("here")
    jobs = (Job("topics create", (sys.executable, "-I", "-c", job)),)
    services = (fake("writer", addresses.writer), fake("query-api", addresses.query_api))
    return Plan((fake("collector", addresses.collector),), jobs, services)

up._embedded = planned
sys.exit(main(sys.argv[1:]))
"""


class FakeStack:
    """`./dev` with fake programs: collector as the only backend, a job, writer and query-api."""

    def __init__(self, folder: Path, ends: Path, job: str) -> None:
        self.folder, self.ends = folder, ends
        self.state = StateDir(folder / "state")
        self.addresses = free_addresses(random.Random())
        server = folder / "fake_server.py"
        server.write_text(SERVER, encoding="utf-8")
        self._launcher = folder / "launcher.py"
        code = LAUNCHER.format(server=str(server), ends=str(ends), job=job)
        self._launcher.write_text(code, encoding="utf-8")
        self._started: list[subprocess.Popen[str]] = []

    def dev(self, *arguments: str) -> subprocess.Popen[str]:
        """Start one command of `./dev`; stdout and stderr go into one pipe."""
        started = subprocess.Popen(
            [sys.executable, str(self._launcher), *arguments],
            env={**os.environ, "EVENTRAIL_DEV_STATE": str(self.state.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(started)
        return started

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run one command of `./dev` to its end: exit status and output."""
        with self.dev(*arguments) as started:
            output, _ = started.communicate(timeout=60)
        return started.returncode, output

    def up(self, *arguments: str) -> subprocess.Popen[str]:
        base = str(self.addresses.collector.port)
        return self.dev("up", "--no-demo", "--port-base", base, *arguments)

    def serving(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `up` and return when it serves."""
        started = self.up(*arguments)
        assert started.stdout is not None
        told = ""
        while "Ctrl-C stops it" not in told:
            line = started.stdout.readline()
            assert line, f"it ended before it served:\n{told}"
            told += line
        return started

    def processes(self) -> list[ProcessIdentity]:
        """Who runs now, by the note of the stack; the supervisor first."""
        state = self.state.running()
        found = [identify(program.pid) for program in state.programs if program.pid]
        return [state.supervisor, *(process for process in found if process)]

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


@pytest.fixture
def fake_stack(tmp_path: Path, ends: Path) -> Iterator[Callable[[str], FakeStack]]:
    """Make a fake stack whose job runs the given Python code."""
    made: list[FakeStack] = []

    def make(job: str = "") -> FakeStack:
        folder = tmp_path / f"stack-{len(made)}"
        folder.mkdir()
        made.append(FakeStack(folder, ends, job))
        return made[-1]

    yield make
    for stack in made:
        stack.close()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for a condition; fails when it does not come true in half a minute."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)

    return wait
