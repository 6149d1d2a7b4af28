"""What stands in a spool's folder about its registration."""

import stat
from pathlib import Path

import pytest

from collector.sinks.spool_file import SpoolFile
from collector.sinks.spool_registration import ID, MARK, Registration
from eventrail.clock import SystemClock


def test_the_id_is_drawn_once_and_stays(tmp_path: Path) -> None:
    drawn = Registration(tmp_path).id()
    assert Registration(tmp_path).id() == drawn
    assert len(drawn) == 16
    assert stat.S_IMODE((tmp_path / ID).stat().st_mode) == 0o600
    (tmp_path / "other").mkdir()
    assert Registration(tmp_path / "other").id() != drawn


def test_the_mark_outlives_the_process_and_goes_before_the_registration(tmp_path: Path) -> None:
    first = Registration(tmp_path)
    assert not first.marked
    first.id()
    first.mark()
    first.mark()
    assert Registration(tmp_path).marked
    first.unmark()
    first.unmark()
    assert (first.marked, Registration(tmp_path).marked) == (False, False)


def test_a_mark_without_an_id_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / MARK).touch()
    (tmp_path / ID).write_bytes(b"\xff cut off")
    registration = Registration(tmp_path)
    assert not registration.marked
    assert len(registration.id()) == 16


def test_a_spool_takes_the_folder_with_these_files_for_its_own(tmp_path: Path) -> None:
    registration = Registration(tmp_path)
    registration.id()
    registration.mark()
    SpoolFile(tmp_path, 1 << 20, SystemClock()).close()


def test_what_cannot_be_written_is_not_marked(tmp_path: Path) -> None:
    registration = Registration(tmp_path / "nowhere")
    with pytest.raises(OSError, match="nowhere"):
        registration.id()
    with pytest.raises(OSError, match="nowhere"):
        registration.mark()
    assert not registration.marked
