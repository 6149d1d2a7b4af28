"""The cache of jars, against a repository on this machine instead of Maven Central."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from devstack import jars
from devstack.errors import JarsError
from devstack.jars import LOCK_FILE, Jar, ensure, format_lock, is_complete, parse_lock

CONTENT = {"org.example:one:1.0": b"first jar", "org.example:two:2.0": b"second jar"}


def silent(_: str) -> None:
    pass


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock"
    listed = [Jar(name, hashlib.sha256(data).hexdigest()) for name, data in CONTENT.items()]
    path.write_text(format_lock(listed))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "kafka-1"


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Serve CONTENT instead of the network; the list fills with what was asked for."""
    asked: list[str] = []

    def download(coordinate: str, repository: Path) -> Path:
        asked.append(coordinate)
        repository.mkdir(parents=True)
        path = repository / "file.jar"
        path.write_bytes(CONTENT[coordinate])
        return path

    monkeypatch.setattr(jars, "_download", download)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return asked


def failing(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    real: Callable[[str, Path], Path] = jars._download
    left = [times]

    def download(coordinate: str, repository: Path) -> Path:
        if coordinate == "org.example:two:2.0" and left[0]:
            left[0] -= 1
            raise requests.ConnectionError("connection reset")
        return real(coordinate, repository)

    monkeypatch.setattr(jars, "_download", download)


def test_the_lock_names_the_broker_and_its_logging() -> None:
    listed = parse_lock(LOCK_FILE.read_text())
    names = {jar.coordinate for jar in listed}
    assert {jars.ROOT_COORDINATE, jars.LOGGING_COORDINATE} <= names
    assert len(names) == len({jar.filename for jar in listed}) == 46
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in listed)
    assert format_lock(listed) == LOCK_FILE.read_text()


def test_what_was_fetched_is_not_fetched_again(lock: Path, folder: Path, downloads: list[str]) -> None:
    told: list[str] = []
    assert ensure(told.append, folder, lock) == folder
    assert sorted(path.name for path in folder.glob("*.jar")) == ["one-1.0.jar", "two-2.0.jar"]
    assert sorted(downloads) == sorted(CONTENT)
    assert "2 of 2 jars" in told[-1]
    ensure(silent, folder, lock)
    assert len(downloads) == 2


@pytest.mark.parametrize("damage", ["one-1.0.jar", "complete"])
def test_a_cache_that_lost_something_is_repaired(
    lock: Path, folder: Path, downloads: list[str], damage: str
) -> None:
    ensure(silent, folder, lock)
    (folder / damage).unlink()
    ensure(silent, folder, lock)
    assert is_complete(folder, parse_lock(lock.read_text()))


def test_another_lock_makes_another_fetch(lock: Path, folder: Path, downloads: list[str]) -> None:
    ensure(silent, folder, lock)
    one, _two = parse_lock(lock.read_text())
    lock.write_text(format_lock([one]))
    ensure(silent, folder, lock)
    assert [path.name for path in folder.glob("*.jar")] == ["one-1.0.jar"]


def test_a_hiccup_of_the_network_is_tried_again(
    lock: Path, folder: Path, downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, jars.ATTEMPTS - 1)
    ensure(silent, folder, lock)
    assert is_complete(folder, parse_lock(lock.read_text()))


def test_a_failed_fetch_leaves_nothing_and_says_what_to_do(
    lock: Path, folder: Path, downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, jars.ATTEMPTS)
    with pytest.raises(JarsError, match=r"org\.example:two:2\.0 .*connection reset.*\n.*HTTPS_PROXY"):
        ensure(silent, folder, lock)
    assert not folder.exists()
    assert [path.name for path in folder.parent.iterdir()] == ["kafka-1.lock"]
    ensure(silent, folder, lock)
    assert folder.is_dir()


def test_another_file_than_the_locked_one_is_refused(
    lock: Path, folder: Path, downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONTENT, "org.example:one:1.0", b"something else")
    with pytest.raises(JarsError, match="nothing was installed"):
        ensure(silent, folder, lock)
    assert not folder.exists()


def test_two_at_once_fetch_once(lock: Path, folder: Path, downloads: list[str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: ensure(silent, folder, lock), range(2)))
    assert len(downloads) == 2


def test_the_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jars.cache_dir() == tmp_path / "eventrail" / "kafka-4.1.0"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert jars.cache_dir() == Path(os.path.expanduser("~/.cache/eventrail/kafka-4.1.0"))  # noqa: PTH111
