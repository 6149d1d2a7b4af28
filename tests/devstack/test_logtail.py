from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.logtail import BLOCK, follow, tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_the_last_lines_in_order(log: Path) -> None:
    log.write_text("one\ntwo\nthree\nfour\n")
    assert tail(log, 2) == "three\nfour"


def test_a_short_log_is_shown_whole(log: Path) -> None:
    log.write_text("one\ntwo")
    assert tail(log, 20) == "one\ntwo"


def test_no_file_is_an_empty_end(log: Path) -> None:
    assert tail(log, 5) == ""


def test_a_huge_log_is_read_from_its_end_only(log: Path) -> None:
    log.write_text("x" * (3 * BLOCK) + "\nlast\n")
    assert tail(log, 1) == "last"
    assert len(tail(log, 10)) <= BLOCK


def test_bytes_that_are_no_text_are_escaped(log: Path) -> None:
    log.write_bytes(b"bad \xff byte\n")
    assert tail(log, 1) == r"bad \xff byte"


def test_following_yields_what_is_appended_and_survives_a_cut(log: Path) -> None:
    log.write_text("old\n")
    steps: Iterator[str] = iter(["new\n", "cut"])

    def wait() -> None:
        step = next(steps)
        if step == "cut":
            log.write_text("x\n")
        else:
            with log.open("a") as handle:
                handle.write(step)

    following = follow(log, len("old\n"), wait)
    assert next(following) == "new\n"
    assert next(following) == "x\n"


def test_following_waits_for_a_file_that_is_not_there_yet(log: Path) -> None:
    def wait() -> None:
        log.write_text("first\n")

    following = follow(log, wait=wait)
    assert next(following) == "first\n"


def test_what_comes_between_the_end_and_the_following_is_not_lost(log: Path) -> None:
    log.write_text("one\ntwo\n")
    size = log.stat().st_size
    with log.open("a") as handle:
        handle.write("three\n")
    assert tail(log, 1, end=size) == "two"
    assert tail(log, 9, begin=size) == "three"
    assert next(follow(log, size)) == "three\n"
