import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from eventrail_client.events import Event
from eventrail_client.spool import Spool

EVENTS = {number: Event(f"id-{number}", f"name-{number}", b'{"n":%d' % number) for number in range(1, 6)}


def taken_over(spool: Spool) -> list[Event]:
    found: list[Event] = []

    def take(events: Iterable[Event]) -> None:
        found.extend(events)

    spool.take_over(take)
    return found


def test_what_a_client_left_goes_to_the_next_one_in_order_and_once(tmp_path: Path) -> None:
    first = Spool(tmp_path)
    first.write({n: EVENTS[n] for n in (1, 2, 3)}, set())
    first.write({4: EVENTS[4]}, {2})
    first.close()
    second, third = Spool(tmp_path), Spool(tmp_path)
    assert taken_over(second) == [EVENTS[1], EVENTS[3], EVENTS[4]]
    assert taken_over(third) == []
    second.close()
    third.close()
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_client_that_lives_is_let_alone(tmp_path: Path) -> None:
    first, second = Spool(tmp_path), Spool(tmp_path)
    first.write({1: EVENTS[1]}, set())
    assert taken_over(second) == []
    first.write({2: EVENTS[2]}, {1})
    first.close()
    assert taken_over(second) == [EVENTS[2]]
    second.close()


def test_what_is_not_taken_over_stays(tmp_path: Path) -> None:
    first, second = Spool(tmp_path), Spool(tmp_path)
    first.write(EVENTS, set())
    first.close()

    def failing(events: Iterable[Event]) -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        second.take_over(failing)
    assert taken_over(second) == list(EVENTS.values())
    second.close()


def test_a_write_is_whole_or_not_at_all(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write({1: EVENTS[1]}, set())
    with pytest.raises(sqlite3.Error):
        spool.write({2: EVENTS[2], 3: Event("id", "name", object())}, {1})  # type: ignore[arg-type]
    spool.close()
    following = Spool(tmp_path)
    assert taken_over(following) == [EVENTS[1]]
    following.close()


def test_a_damaged_file_is_put_aside_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "0.sqlite3").write_bytes(b"no database at all" * 100)
    spool = Spool(tmp_path)
    assert taken_over(spool) == []
    assert taken_over(spool) == []
    spool.close()
    assert [path.name for path in tmp_path.iterdir()] == ["0.damaged"]
    assert caplog.text.count("is damaged; it was put aside as") == 1


def test_a_file_that_its_owner_had_only_begun_is_removed(tmp_path: Path) -> None:
    (tmp_path / "0.sqlite3").touch()
    spool = Spool(tmp_path)
    assert taken_over(spool) == []
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_taken_away_while_it_is_made_is_no_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventrail_client.spool._TABLE", "SELECT 1")  # so the file is not there yet
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.suffix != ".sqlite3" and exists(path))
    with pytest.raises(OSError, match=r"was taken away$"):
        Spool(tmp_path)


def test_who_meets_another_one_while_its_file_is_made_makes_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, tokens = Spool(tmp_path), iter(["locked", "locked", "new"])
    first.path.rename(tmp_path / "locked.sqlite3")
    monkeypatch.setattr("secrets.token_hex", lambda _size: next(tokens))
    second = Spool(tmp_path)
    assert second.path == tmp_path / "new.sqlite3"
    second.write({1: EVENTS[1]}, set())
    for spool in (first, second):
        spool.close()


def test_a_file_that_stays_locked_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Spool(tmp_path)
    monkeypatch.setattr("secrets.token_hex", lambda _size: first.path.stem)
    with pytest.raises(OSError, match="was taken away: database is locked"):
        Spool(tmp_path)
    first.close()


def test_nobody_else_may_read_the_folder(tmp_path: Path) -> None:
    Spool(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
