from pathlib import Path

import pytest

from devstack.claim import claimed
from devstack.errors import AlreadyRunning


def test_it_is_held_by_one_and_free_again_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with claimed(lock, "first"):
        with pytest.raises(AlreadyRunning, match="taken"), claimed(lock, "taken"):
            pass
        with claimed(tmp_path / "other", "no"):
            pass
    with claimed(lock, "again"):
        pass
