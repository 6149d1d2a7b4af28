import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from eventrail_client import spool_thread
from eventrail_client.events import Event
from eventrail_client.spool import Spool
from eventrail_client.spool_thread import SpoolThread

EVENTS = {number: Event(f"id-{number}", f"name-{number}", b'{"n":%d' % number) for number in range(1, 6)}


def nothing(events: Iterable[Event]) -> None:
    assert not list(events)


def left_in(folder: Path) -> list[Event]:
    found: list[Event] = []
    spool = Spool(folder)
    spool.take_over(found.extend)
    spool.close()
    return found


def test_what_is_kept_is_on_disk_at_the_end(tmp_path: Path) -> None:
    thread = SpoolThread(tmp_path, nothing)
    for number, event in EVENTS.items():
        thread.keep(number, event)
    thread.forget(3)
    assert thread.close(10) == 0
    assert left_in(tmp_path) == [EVENTS[n] for n in (1, 2, 4, 5)]


def test_an_event_that_is_gone_at_once_never_reaches_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []
    monkeypatch.setattr(
        Spool, "write", lambda self, kept, forgotten: written.append((dict(kept), set(forgotten)))
    )
    monkeypatch.setattr(spool_thread, "GATHER_SECONDS", 60)
    thread = SpoolThread(tmp_path, nothing)
    for number in (1, 2):
        thread.keep(number, EVENTS[number])
    thread.forget(1)
    thread.close(10)
    assert [entry for entry in written if entry != ({}, set())] == [({2: EVENTS[2]}, set())]


def test_what_was_left_behind_is_found_before_anything_else(tmp_path: Path) -> None:
    first = SpoolThread(tmp_path, nothing)
    first.keep(1, EVENTS[1])
    assert first.close(10) == 0
    found: list[Event] = []
    seen = threading.Event()

    def take(events: Iterable[Event]) -> None:
        for event in events:
            found.append(event)
            second.keep(7, event)
        seen.set()

    second = SpoolThread(tmp_path, take)
    second.start()
    assert seen.wait(10)
    assert found == [EVENTS[1]]
    assert second.close(10) == 0
    assert left_in(tmp_path) == [EVENTS[1]]


def test_a_disk_that_fails_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spool_thread, "RETRY_SECONDS", 0.01)
    tries = threading.Semaphore(0)
    make = Spool.__init__

    def counted(spool: Spool, folder: Path) -> None:
        tries.release()
        make(spool, folder)

    monkeypatch.setattr(Spool, "__init__", counted)
    place = tmp_path / "spool"
    place.write_text("a file, where a folder should be")
    thread = SpoolThread(place, nothing)
    thread.keep(1, EVENTS[1])
    for _ in range(3):
        assert tries.acquire(timeout=10)
    assert caplog.text.count("fails; events are kept in memory alone") == 1
    place.unlink()
    assert thread.close(10) == 0
    assert left_in(place) == [EVENTS[1]]


def test_the_end_does_not_wait_for_a_disk_that_fails(tmp_path: Path) -> None:
    place = tmp_path / "spool"
    place.touch()
    thread = SpoolThread(place, nothing)
    thread.keep(1, EVENTS[1])
    thread.keep(2, EVENTS[2])
    thread.forget(2)
    assert thread.close(10) == 1


def test_nothing_is_made_where_nothing_is_kept(tmp_path: Path) -> None:
    assert SpoolThread(tmp_path / "spool", nothing).close(10) == 0
    assert list(tmp_path.iterdir()) == []
