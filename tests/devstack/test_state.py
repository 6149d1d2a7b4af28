import os
from pathlib import Path

import pytest

from devstack.errors import AlreadyRunning, BadOption, NotRunning
from devstack.identity import ProcessIdentity, identify
from devstack.state import ProgramState, StackState, StateDir


@pytest.fixture
def state_dir(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path)


def state(supervisor: ProcessIdentity) -> StackState:
    programs = (
        ProgramState("kafka", 12, "127.0.0.1:19092"),
        ProgramState("writer", None, "127.0.0.1:8403"),
    )
    return StackState(supervisor, "/data", programs)


def me() -> ProcessIdentity:
    found = identify(os.getpid())
    assert found is not None
    return found


def test_a_note_is_read_as_it_was_written(state_dir: StateDir) -> None:
    state_dir.write(state(me()))
    assert state_dir.running() == state(me())


def test_the_note_of_a_dead_supervisor_counts_as_none(state_dir: StateDir) -> None:
    state_dir.write(state(ProcessIdentity(me().pid, "long ago")))
    with pytest.raises(NotRunning, match=r"\./dev up"):
        state_dir.running()


def test_no_note_is_not_running(state_dir: StateDir) -> None:
    with pytest.raises(NotRunning):
        state_dir.running()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"supervisor": {"pid": 1}, "data": "", "programs": []}',
        '{"supervisor": 3}',
    ],
)
def test_a_damaged_note_counts_as_none(state_dir: StateDir, text: str) -> None:
    state_dir.note.write_text(text)
    with pytest.raises(NotRunning):
        state_dir.running()


def test_clearing_twice_is_fine(state_dir: StateDir) -> None:
    state_dir.write(state(me()))
    state_dir.clear()
    state_dir.clear()
    with pytest.raises(NotRunning):
        state_dir.running()


def test_a_folder_has_one_stack_at_a_time(state_dir: StateDir) -> None:
    with state_dir.claimed(), pytest.raises(AlreadyRunning, match=r"\./dev down"), state_dir.claimed():
        pass
    with state_dir.claimed():
        pass


def test_a_folder_that_cannot_be_made_is_told_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadOption, match="EVENTRAIL_DEV_STATE"), StateDir(tmp_path / "file" / "dev").claimed():
        pass


def test_the_folder_can_be_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVENTRAIL_DEV_STATE", str(tmp_path / "other"))
    assert StateDir.default().path == tmp_path / "other"
