import fcntl
from pathlib import Path

import pytest

from devstack.turn import turn


def test_nobody_else_is_inside_a_turn(tmp_path: Path) -> None:
    path = tmp_path / "made" / "one.lock"
    with turn(path), path.open("w") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
