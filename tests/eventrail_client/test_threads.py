import threading

import pytest

from eventrail_client.threads import started


def test_a_thread_runs_and_keeps_no_program_alive() -> None:
    ran = threading.Event()
    thread = started(ran.set, "name")
    assert thread is not None
    assert (thread.name, thread.daemon) == ("name", True)
    assert ran.wait(10)


def test_a_system_without_threads_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    assert started(lambda: None, "name") is None
    assert "the thread name could not be started" in caplog.text
