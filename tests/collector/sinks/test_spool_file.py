"""The spool's file: what was written is there again, in order, and what is wrong with it is told."""

import os
import random
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collector.sinks import Placed, spool_file
from collector.sinks.spool_file import LOCK, NAME, SpoolBroken, SpoolFile, SpoolFull
from eventrail.clock import ManualClock
from eventrail.errors import ConfigurationError

NOW_MS = 1_770_000_000_000  # 2026-02-02T02:40:00Z
ROOM = 4 * 1024 * 1024


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


Open = Callable[..., SpoolFile]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def opened(folder: Path, clock: ManualClock) -> Iterator[Open]:
    made: list[SpoolFile] = []

    def opening(room: int = ROOM) -> SpoolFile:
        made.append(SpoolFile(folder, room, clock))
        return made[-1]

    yield opening
    for file in made:
        file.close()


def events(*names: str) -> list[Placed]:
    return [Placed(zlib.crc32(name.encode()) << 32, name.encode()) for name in names]


def everything(file: SpoolFile, after: int = 0) -> list[str]:
    return [stored.event.value.decode() for stored in file.read(after, 10**9, 10**9)]


def test_what_was_written_is_read_in_its_order_also_by_the_next_process(opened: Open) -> None:
    first = opened()
    first.write(events("a", "b"))
    first.write(events("c"))
    assert everything(first) == ["a", "b", "c"]
    first.close()
    second = opened()
    second.write(events("d"))
    assert everything(second) == ["a", "b", "c", "d"]
    assert [stored.seq for stored in second.read(2, 10, 10**6)] == [3, 4]


@pytest.mark.parametrize("key", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_key_comes_back_as_it_was(opened: Open, key: int) -> None:
    file = opened()
    file.write([Placed(key, b"x")])
    (stored,) = file.read(0, 1, 1)
    assert stored.event == Placed(key, b"x")


def test_reading_is_bounded_in_events_and_in_bytes_but_never_stands_still(opened: Open) -> None:
    file = opened()
    file.write([Placed(0, bytes(1000)) for _ in range(10)])
    assert len(file.read(0, 3, 10**9)) == 3
    assert len(file.read(0, 10, 4500)) == 4
    assert len(file.read(0, 10, 1)) == 1
    assert file.read(10, 10, 10**9) == []


def test_what_is_forgotten_is_gone_and_places_are_never_given_twice(opened: Open, clock: ManualClock) -> None:
    file = opened()
    file.write(events("a", "b", "c"))
    clock.advance(5)
    file.write(events("d"), forget=2)
    assert everything(file) == ["c", "d"]
    assert (file.held().events, file.held().oldest_ms) == (2, NOW_MS)
    file.write([], forget=4)
    assert (file.held().events, file.held().bytes, file.held().oldest_ms) == (0, 0, None)
    file.write(events("e"))
    assert [stored.seq for stored in file.read(0, 10, 100)] == [5]


def test_it_holds_no_more_than_it_may_and_takes_again_when_some_is_gone(opened: Open, folder: Path) -> None:
    room = 1024 * 1024
    file = opened(room)
    written = until_full(file)
    assert file.held().events == written > 1500
    assert (folder / NAME).stat().st_size <= room
    assert file.held().bytes <= room
    file.write([], forget=written // 2)
    file.write([Placed(0, bytes(500))] * 20)
    assert file.held().events == written - written // 2 + 20


def until_full(file: SpoolFile) -> int:
    """How many events it took."""
    written = 0
    with suppress(SpoolFull):
        while True:
            file.write([Placed(0, os.urandom(500)) for _ in range(20)])
            written += 20
    return written


def test_an_emptied_spool_gives_the_disk_back(opened: Open, folder: Path) -> None:
    file = opened()
    file.write([Placed(0, os.urandom(500)) for _ in range(5000)])
    assert sum(found.stat().st_size for found in folder.iterdir()) > 2_500_000
    file.shrink()
    assert file.held().events == 5000
    file.write([], forget=5000)
    file.shrink()
    assert sum(found.stat().st_size for found in folder.iterdir()) < 50_000
    file.write(events("a"))
    assert everything(file) == ["a"]


def test_only_its_owner_can_read_it(opened: Open, folder: Path) -> None:
    opened().write(events("a"))
    assert folder.stat().st_mode & 0o077 == 0
    assert [found.name for found in folder.iterdir() if found.stat().st_mode & 0o077] == []


def test_a_folder_has_one_collector(opened: Open, folder: Path, clock: ManualClock) -> None:
    first = opened()
    with pytest.raises(ConfigurationError, match=r"EVENTRAIL_COLLECTOR_SPOOL: .*another collector uses it"):
        SpoolFile(folder, ROOM, clock)
    first.write(events("a"))
    first.close()
    assert everything(opened()) == ["a"]


def test_a_folder_with_other_things_in_it_is_left_alone(folder: Path, opened: Open) -> None:
    folder.mkdir()
    (folder / "lost+found").mkdir()
    (folder / "thesis.odt").touch()
    with pytest.raises(ConfigurationError, match=r"what is not of a spool \(thesis\.odt\)"):
        opened()
    assert not (folder / NAME).exists()
    (folder / "thesis.odt").unlink()
    opened().write(events("a"))


def test_a_folder_that_cannot_be_written_is_named(
    folder: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be used"):
        SpoolFile(folder.parent / "file", ROOM, ManualClock(0))
    folder.mkdir()

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    # As root, as tests may run, every folder can be written.
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ConfigurationError, match=r"Permission denied.*folder of its own"):
        opened()


def test_a_database_of_another_program_is_left_alone(folder: Path, opened: Open) -> None:
    folder.mkdir()
    with sqlite3.connect(folder / NAME) as other:
        other.execute("PRAGMA application_id = 7")
    other.close()
    with pytest.raises(ConfigurationError, match="another program"):
        opened()
    with sqlite3.connect(folder / NAME) as newer:
        newer.execute("PRAGMA application_id = 0")
        newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(ConfigurationError, match="newer collector"):
        opened()


def asides(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.damaged-*Z"))


def test_a_file_that_is_none_is_set_aside_and_named(folder: Path, opened: Open) -> None:
    folder.mkdir()
    (folder / NAME).write_bytes(b"this is no database" * 1000)
    with capture_logs() as told:
        file = opened()
    assert asides(folder) == [f"{NAME}.damaged-20260202T024000.000000Z"]
    assert (folder / asides(folder)[0]).read_bytes() == b"this is no database" * 1000
    assert asides(folder)[0] in str(told)
    file.write(events("a"))
    assert everything(file) == ["a"]


def test_a_changed_byte_costs_its_event_alone_and_the_file_is_kept(folder: Path, opened: Open) -> None:
    file = opened()
    file.write(events("first", "SECOND", "third"))
    file.close()
    path = folder / NAME
    path.write_bytes(path.read_bytes().replace(b"SECOND", b"SEC0ND"))
    again = opened()
    with capture_logs() as told:
        assert everything(again) == []
    assert len(asides(folder)) == 1
    again.write(events("fourth"))
    # A reader that was at the third goes on behind it: places are not given again.
    assert everything(again, after=3) == ["first", "third", "fourth"]
    assert [(line["events"], line["saved"]) for line in told] == [(3, 2)]


def test_a_file_that_is_damaged_while_it_is_used_is_set_aside(
    folder: Path, opened: Open, clock: ManualClock
) -> None:
    file = opened()
    written = [Placed(0, os.urandom(500)) for _ in range(1000)]
    file.write(written)
    file.close()
    path = folder / NAME
    damaged = bytearray(path.read_bytes())
    source = random.Random(7)
    for place in range(40 * 4096, len(damaged), 4096):
        damaged[place : place + 200] = source.randbytes(200)
    path.write_bytes(damaged)
    again = opened()
    again.write(events("a"))
    saved = everything_raw(again)
    assert saved[-1] == b"a"
    assert 0 < len(saved) < 1000
    assert set(saved[:-1]) < {event.value for event in written}
    assert (folder / asides(folder)[0]).read_bytes() == bytes(damaged)


def test_a_full_disk_refuses_what_comes_and_keeps_what_it_holds(
    folder: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of file sizes stands for the disk: the kernel refuses the write in its middle."""
    script = f"""
import os, resource
from pathlib import Path
from collector.sinks import Placed
from collector.sinks.spool_file import SpoolBroken, SpoolFile, SpoolFull
from eventrail.clock import SystemClock
file = SpoolFile(Path({str(folder)!r}), 1 << 30, SystemClock())
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
written = 0
try:
    while True:
        file.write([Placed(0, os.urandom(500)) for _ in range(20)])
        written += 20
except (SpoolBroken, SpoolFull):
    pass
assert file.held().events == written > 500, written
assert len(file.read(0, 10**9, 10**9)) == written
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
file.write([Placed(0, b"at last")])
print(written + 1)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(everything_raw(opened())) == int(done.stdout)


def everything_raw(file: SpoolFile) -> list[bytes]:
    return [stored.event.value for stored in file.read(0, 10**9, 10**9)]


def test_a_closed_file_says_so_and_the_lock_is_free(opened: Open, folder: Path) -> None:
    file = opened()
    file.close()
    with pytest.raises(SpoolBroken):
        file.write(events("a"))
    assert (folder / LOCK).exists()
    opened()


def in_a_process(folder: Path, script: str) -> None:
    """Run `script` where files can be limited in size, which stands for a full disk."""
    start = f"""
import os, resource
from pathlib import Path
from collector.sinks import Placed
from collector.sinks.spool_file import SpoolBroken, SpoolFile, SpoolFull
from eventrail.clock import SystemClock
folder = Path({str(folder)!r})
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
def full(work, *args):
    try:
        work(*args)
    except (SpoolFull, SpoolBroken):
        return True
    return False
def opened():
    return SpoolFile(folder, 1 << 30, SystemClock())
"""
    done = subprocess.run([sys.executable, "-c", start + script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_full_disk_is_freed_when_all_that_is_left_is_done_with(folder: Path) -> None:
    in_a_process(
        folder,
        """
file = opened()
for _ in range(100):
    file.write([Placed(0, os.urandom(500)) for _ in range(20)])
limit(16_384)
assert full(file.write, [], 2000)
file.keep(1500)
assert file.held()[::3] == (500, 1500), file.held()
assert full(file.write, [], 2000)
file.keep(2000)
assert (file.held().events, file.held().kept, file.held().oldest_ms) == (0, 0, None)
assert sum(found.stat().st_size for found in folder.iterdir()) < 50_000
file.write([Placed(0, b"at last")])
assert [stored.seq for stored in file.read(0, 10, 1000)] == [2001]
""",
    )


def test_where_not_even_an_empty_file_can_be_made_it_is_tried_again(folder: Path) -> None:
    in_a_process(
        folder,
        """
file = opened()
file.write([Placed(0, b"a")])
limit(1)
assert full(file.write, [], 1)
assert full(file.keep, 1)
assert full(file.write, [Placed(0, b"b")])
limit(resource.RLIM_INFINITY)
file.write([Placed(0, b"c")])
assert [stored.event.value for stored in file.read(0, 10, 1000)] == [b"c"]
assert file.held()[::3] == (1, 0)
""",
    )


def test_a_full_disk_lets_it_start_and_read(opened: Open, folder: Path) -> None:
    file = opened()
    file.write(events("a", "b"))
    file.close()
    in_a_process(folder, "limit(1)\nassert len(opened().read(0, 10, 1000)) == 2")


def test_what_is_kept_counts_no_more_and_goes_with_the_next_write(opened: Open, clock: ManualClock) -> None:
    file = opened()
    file.write(events("a", "b"))
    clock.advance(5)
    file.write(events("c"))
    file.keep(1)
    file.keep(2)
    file.keep(2)
    assert (file.held().events, file.held().kept, file.held().oldest_ms) == (1, 2, NOW_MS + 5000)
    file.write(events("d"))
    assert everything(file) == ["c", "d"]
    assert (file.held().events, file.held().kept) == (2, 0)


def test_what_is_kept_is_not_saved_from_a_damaged_file(opened: Open, folder: Path) -> None:
    file = opened()
    file.write(events("first", "second", "THIRD"))
    file.close()
    path = folder / NAME
    path.write_bytes(path.read_bytes().replace(b"THIRD", b"TH1RD"))
    again = opened()
    again.keep(1)
    assert everything(again, after=1) == []
    assert everything(again) == ["second"]
    assert (again.held().events, again.held().kept) == (1, 0)


def test_a_new_file_that_cannot_be_opened_after_a_damage_is_tried_again(
    opened: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened()
    file.write(events("first", "SECOND", "third"))
    file.close()
    path = folder / NAME
    path.write_bytes(path.read_bytes().replace(b"SECOND", b"SEC0ND"))
    again = opened()

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    with monkeypatch.context() as patched:
        patched.setattr(spool_file, "_connected", fail)
        for _ in range(2):
            with pytest.raises(SpoolBroken, match="unable to open"):
                again.read(0, 10, 1000)
        with pytest.raises(SpoolBroken, match="unable to open"):
            again.write(events("fourth"))
    with capture_logs() as told:
        again.write(events("fifth"))
    assert everything(again) == ["first", "third", "fifth"]
    assert [(line["events"], line["saved"]) for line in told] == [(3, 2)]
    assert len(asides(folder)) == 1
