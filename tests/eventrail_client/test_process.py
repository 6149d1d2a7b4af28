"""What a process does to its clients: it ends, is ended, and forks. Each in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eventrail_client import Client, Options
from tests.eventrail_client.collector import Fault, FaultyCollector
from tests.eventrail_client.test_client import wait_until_taken

pytestmark = pytest.mark.slow

BEGIN = """
import os, signal, sys
from eventrail_client import AsyncClient, Client, Options
url, spool = sys.argv[1:]
"""


def python(program: str, collector: FaultyCollector, spool: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-W",
        "ignore::DeprecationWarning",
        "-c",
        BEGIN + program,
        collector.url,
        str(spool),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str], status: int = 0) -> None:
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (status, ""), output


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end


def names(collector: FaultyCollector) -> list[str]:
    return sorted(event.event_name for event in collector.stored())


def test_a_program_that_ends_sends_what_waits(collector: FaultyCollector, tmp_path: Path) -> None:
    program = """
client = Client(url, "shop", options=Options(max_age=60))
client.track("at the end")
"""
    ended(python(program, collector, tmp_path))
    assert names(collector) == ["at the end"]


def test_a_program_with_asyncio_that_ends_sends_what_waits(
    collector: FaultyCollector, tmp_path: Path
) -> None:
    program = """
import asyncio
client = AsyncClient(url, "shop", options=Options(max_age=60))
async def main():
    client.track("at the end")
asyncio.run(main())
"""
    ended(python(program, collector, tmp_path))
    assert names(collector) == ["at the end"]


def test_a_sigterm_that_becomes_an_exit_loses_nothing(collector: FaultyCollector, tmp_path: Path) -> None:
    program = """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
client = Client(url, "shop", options=Options(max_age=60))
client.track("before the signal")
print("ready", flush=True)
while True:
    signal.pause()
"""
    process = python(program, collector, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    ended(process)
    assert names(collector) == ["before the signal"]


def test_a_kill_leaves_what_is_on_disk_to_the_next_client(collector: FaultyCollector, tmp_path: Path) -> None:
    collector.faults.extend([Fault.PORTAL] * 1000)
    program = """
client = Client(url, "shop", spool=spool, options=Options(max_age=0))
print(client.track("before the kill"), flush=True)
while True:
    signal.pause()
"""
    process = python(program, collector, tmp_path)
    assert process.stdout is not None
    event_id = process.stdout.readline().strip()
    until(lambda: is_on_disk(tmp_path / "shop", event_id))
    process.kill()
    process.communicate(timeout=30)
    collector.faults.clear()
    with Client(collector.url, "shop", spool=tmp_path, options=Options(max_age=0)) as client:
        wait_until_taken(client, 1)
        assert client.flush(within=20)
    assert [event.event_id for event in collector.stored()] == [event_id]
    assert list((tmp_path / "shop").iterdir()) == []


def is_on_disk(folder: Path, event_id: str) -> bool:
    """The transaction that wrote the event has ended: it stands in the file, and the journal is cut."""
    written = any(event_id.encode() in path.read_bytes() for path in folder.glob("*.sqlite3"))
    return written and not any(path.stat().st_size for path in folder.glob("*-journal"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("spooled", [False, True])
def test_after_a_fork_each_process_sends_its_own(
    collector: FaultyCollector, tmp_path: Path, spooled: bool
) -> None:
    program = f"""
client = Client(url, "shop", spool={"spool" if spooled else None}, options=Options(max_age=60))
client.track("parent")
children = []
for number in range(3):
    child = os.fork()
    if not child:
        client.track(f"child {{number}}")
        assert client.counts.taken == 1
        os._exit(0 if client.close() else 1)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
client.track("parent again")
"""
    ended(python(program, collector, tmp_path))
    assert names(collector) == ["child 0", "child 1", "child 2", "parent", "parent again"]
    assert set(collector.tries().values()) == {1}
    assert not spooled or list((tmp_path / "shop").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_amidst_of_everything_does_not_hang(collector: FaultyCollector, tmp_path: Path) -> None:
    program = """
import threading
client = Client(url, "shop", spool=spool, options=Options(max_age=0))
going = True
def work():
    while going:
        client.track("parent")
        client.flush(within=20)
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(20):
    child = os.fork()
    if not child:
        client.track("child")
        os._exit(0 if client.close(within=20) else 1)
    assert os.waitpid(child, 0)[1] == 0
going = False
for thread in threads:
    thread.join()
assert client.close(within=20)
"""
    ended(python(program, collector, tmp_path))
    assert names(collector).count("child") == 20
    assert set(collector.tries().values()) == {1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_processes_that_start_together_have_each_a_file(collector: FaultyCollector, tmp_path: Path) -> None:
    program = """
from pathlib import Path
from eventrail_client.spool import Spool
for _ in range(40):
    children = []
    for _ in range(8):
        child = os.fork()
        if not child:
            own = Spool(Path(spool))
            own.take_over(list)
            own.close()
            os._exit(0)
        children.append(child)
    assert all([os.waitpid(child, 0)[1] == 0 for child in children])
"""
    ended(python(program, collector, tmp_path))
    assert list(tmp_path.iterdir()) == []
