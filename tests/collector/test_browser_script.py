import hashlib
from pathlib import Path

import pytest

from collector.browser_script import BrowserScript, coding_for, is_known, read_shelf

ALL_FORMS = BrowserScript("d", {"br": b"b", "gzip": b"g", "identity": b"i"})


def test_a_folder_holds_the_current_version_its_packed_forms_and_earlier_ones(tmp_path: Path) -> None:
    for name, content in {
        "s.js": b"now",
        "s.js.gz": b"packed",
        "s.1.js": b"before",
        "else.js": b"else",
    }.items():
        (tmp_path / name).write_bytes(content)
    shelf = read_shelf(tmp_path)
    digests = {text: hashlib.sha256(text).hexdigest()[:16] for text in (b"now", b"before")}
    assert shelf.current == BrowserScript(digests[b"now"], {"gzip": b"packed", "identity": b"now"})
    assert shelf.by_digest == {
        digests[b"now"]: shelf.current,
        digests[b"before"]: BrowserScript(digests[b"before"], {"identity": b"before"}),
    }


@pytest.mark.parametrize("folder", [None, "empty", "missing"])
def test_without_the_script_nothing_is_there(tmp_path: Path, folder: str | None) -> None:
    (tmp_path / "empty").mkdir()
    shelf = read_shelf(tmp_path / folder if folder else None)
    assert (shelf.current, shelf.by_digest) == (None, {})


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        ("", "identity"),
        ("gzip, deflate, br, zstd", "br"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br ; q=0.000,gzip; q=0", "identity"),
        ("zstd", "identity"),
    ],
)
def test_the_smallest_form_that_a_client_takes(accept_encoding: str, coding: str) -> None:
    assert coding_for(accept_encoding, ALL_FORMS) == coding


def test_a_form_that_is_not_there_is_not_chosen() -> None:
    assert coding_for("br, gzip", BrowserScript("d", {"identity": b"i"})) == "identity"


@pytest.mark.parametrize(
    ("if_none_match", "known"),
    [("", False), ('"d"', True), ('"x", W/"d"', True), ("*", True), ("d", False), ('W/"x"', False)],
)
def test_a_client_that_has_it_says_so(if_none_match: str, known: bool) -> None:
    assert is_known(if_none_match, "d") is known
