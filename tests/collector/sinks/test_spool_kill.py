"""kill -9 in the middle of a write: the file opens, holds each commit that had returned, and each group whole."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collector.sinks.spool_file import SpoolFile
from eventrail.clock import SystemClock

pytestmark = pytest.mark.slow

KILLS = 12
GROUP = 7
WRITER = """
import sys
from pathlib import Path
from collector.sinks import Placed
from collector.sinks.spool_file import SpoolFile
from eventrail.clock import SystemClock
file = SpoolFile(Path(sys.argv[1]), 1 << 30, SystemClock())
size = int(sys.argv[2])
group = file._next // size
while True:
    file.write([Placed(n, b"%d-%d" % (group, n) + bytes(3000)) for n in range(size)])
    sys.stdout.write(f"{group}\\n")
    sys.stdout.flush()
    group += 1
"""


def groups_in(folder: Path) -> list[int]:
    file = SpoolFile(folder, 1 << 30, SystemClock())
    values = [stored.event.value.rstrip(b"\0") for stored in file.read(0, 10**9, 10**12)]
    file.close()
    assert values == [b"%d-%d" % (n // GROUP, n % GROUP) for n in range(len(values))]
    assert len(values) % GROUP == 0
    return list(range(len(values) // GROUP))


def test_what_was_committed_is_there_after_each_kill(tmp_path: Path) -> None:
    source = random.Random(7)
    folder = tmp_path / "spool"
    told = -1
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(GROUP)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout
            told = int(writer.stdout.readline())
            time.sleep(source.random() * 0.05)
            writer.kill()
            told = max([told, *(int(line) for line in writer.stdout if line.endswith("\n"))])
        found = groups_in(folder)
        assert told in found
        assert found[-1] <= told + 1
    assert told > KILLS
    assert not [path for path in folder.iterdir() if "damaged" in path.name]
