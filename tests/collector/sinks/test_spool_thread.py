"""The spool's thread: requests share a commit, and each hears of its own events."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from collector.sinks import Placed
from collector.sinks.spool_file import SpoolBroken, SpoolFile, SpoolFull
from collector.sinks.spool_thread import SpoolThread
from eventrail.clock import SystemClock


class CountingFile(SpoolFile):
    """Counts its commits, and fails when it is told to."""

    commits = 0
    error: Exception | None = None
    answers: threading.Event | None = None

    def write(self, events: object, forget: int = 0) -> None:
        if self.answers:
            self.answers.wait()
        if self.error:
            raise self.error
        self.commits += 1
        super().write(events, forget)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> CountingFile:
    return CountingFile(tmp_path / "spool", 1024 * 1024, SystemClock())


@pytest_asyncio.fixture
async def thread(file: CountingFile) -> AsyncIterator[SpoolThread]:
    made = SpoolThread(file)
    yield made
    await made.close()


def event(name: str) -> Placed:
    return Placed(1, name.encode())


async def test_many_requests_share_few_commits_and_keep_their_order(
    thread: SpoolThread, file: CountingFile
) -> None:
    await asyncio.gather(*(thread.write([event(f"{n:03}")], 50) for n in range(500)))
    assert file.commits < 100
    assert thread.held.events == 500
    read = await thread.read(0, 1000, 10**6)
    assert [stored.event.value for stored in read] == [b"%03d" % n for n in range(500)]


async def test_a_reader_sees_what_was_asked_to_be_written_before(thread: SpoolThread) -> None:
    writing = [asyncio.create_task(thread.write([event(str(n))], 50)) for n in range(20)]
    await asyncio.sleep(0)
    assert len(await thread.read(0, 100, 10**6)) == 20
    await asyncio.gather(*writing)


async def test_those_of_a_failed_commit_all_hear_of_it_and_the_next_go_on(
    thread: SpoolThread, file: CountingFile
) -> None:
    file.error = SpoolBroken("disk I/O error")
    told = await asyncio.gather(*(thread.write([event("x")], 50) for _ in range(5)), return_exceptions=True)
    assert [str(error) for error in told] == ["disk I/O error"] * 5
    file.error = None
    await thread.write([event("y")], 50)
    assert thread.held.events == 1


async def test_an_unknown_fault_ends_no_thread(thread: SpoolThread, file: CountingFile) -> None:
    file.error = ZeroDivisionError("a bug")
    with pytest.raises(SpoolBroken, match="a bug"):
        await thread.write([event("x")], 50)
    file.error = None
    await thread.write([event("y")], 50)


async def test_a_full_spool_takes_what_fits_once_others_are_forgotten(thread: SpoolThread) -> None:
    many = [Placed(1, bytes(500))] * 100
    with suppress(SpoolFull):
        while True:
            await thread.write(many, 50_000)
    forgetting = thread.forget(thread.held.events)
    taking = thread.write(many, 50_000)
    await asyncio.gather(taking, forgetting)
    assert thread.held.events == 100


async def test_a_request_that_went_away_harms_no_other(thread: SpoolThread) -> None:
    gone = asyncio.create_task(thread.write([event("a")], 50))
    await asyncio.sleep(0)
    gone.cancel()
    await thread.write([event("b")], 50)
    assert thread.held.events == 2


async def test_closing_finishes_what_was_asked(tmp_path: Path) -> None:
    thread = SpoolThread(SpoolFile(tmp_path / "other", 1024 * 1024, SystemClock()))
    writing = [asyncio.create_task(thread.write([event(str(n))], 50)) for n in range(50)]
    await asyncio.sleep(0)
    await thread.close()
    await asyncio.gather(*writing)
    with pytest.raises(SpoolBroken, match="closed"):
        await thread.write([event("late")], 50)
    again = SpoolFile(tmp_path / "other", 1024 * 1024, SystemClock())
    assert again.held().events == 50
    again.close()


async def test_what_cannot_be_taken_out_counts_no_more(thread: SpoolThread, file: CountingFile) -> None:
    await thread.write([event("a"), event("b"), event("c")], 150)
    file.error = SpoolFull("database or disk is full")
    with pytest.raises(SpoolFull):
        await thread.forget(2)
    assert (thread.held.events, thread.held.kept) == (1, 2)
    file.error = None
    await thread.forget(2)
    assert (thread.held.events, thread.held.kept) == (1, 0)


async def test_a_disk_that_hangs_does_not_hold_up_the_close(tmp_path: Path) -> None:
    file = CountingFile(tmp_path / "other", 1024 * 1024, SystemClock())
    thread = SpoolThread(file)
    file.answers = threading.Event()
    writing = asyncio.create_task(thread.write([event("a")], 50))
    await asyncio.sleep(0)
    await asyncio.wait_for(thread.close(0.05), 5)
    assert not writing.done()
    file.answers.set()
    await writing
