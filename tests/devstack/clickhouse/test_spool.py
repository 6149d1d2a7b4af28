from pathlib import Path

import pytest

from devstack.clickhouse.errors import ServerError
from devstack.clickhouse.spool import Spool


def test_another_reader_sees_all_bytes_from_the_start() -> None:
    with Spool() as spool:
        spool.write(b"one\n\n")
        spool.write(b"two")
        assert Path(spool.path).read_bytes() == b"one\n\ntwo"
        assert spool.size == 8
    assert not Path(spool.path).exists()


def test_too_much_is_refused_with_the_limit() -> None:
    with Spool(limit=4) as spool:
        spool.write(b"1234")
        with pytest.raises(ServerError, match="more than 4 bytes") as refusal:
            spool.write(b"5")
    assert refusal.value.code == 241


def test_without_memory_files_a_temporary_one_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.memfd_create")
    with Spool() as spool:
        spool.write(b"abc")
        assert Path(spool.path).read_bytes() == b"abc"
    assert not Path(spool.path).exists()
