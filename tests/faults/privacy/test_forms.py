"""The search itself: what stands in a file is found in each form, wherever it stands."""

from pathlib import Path
from random import Random

import pytest

from tests.faults.privacy.forms import (
    Files,
    Form,
    addresses_4,
    addresses_6,
    base64_within,
    forms_4,
    forms_6,
    secret_forms,
)


def test_each_form_of_each_address_is_found() -> None:
    source = Random(1)
    for forms in (forms_6(addresses_6(source, 300)), forms_4(addresses_4(source, 300))):
        for form in forms:
            content = b"\0x".join([b"begin", *form.patterns, b"end"])
            assert set(form.found(content)) == set(form.patterns.values()), form.name
            assert list(form.found(source.randbytes(4096) if form.rare else b"nothing")) == []


def test_forms_of_a_secret_are_found_at_any_place_in_base64() -> None:
    import base64

    secret = Random(2).randbytes(32)
    for before in range(3):
        for behind in range(3):
            text = base64.b64encode(b"a" * before + secret + b"z" * behind)
            assert base64_within(secret, before) in text
            assert any(form in text for form in secret_forms(secret))
    assert len(min(secret_forms(secret), key=len)) >= 32


def test_files_are_searched_below_all_folders(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.log").write_bytes(b"xxneedlexx")
    (tmp_path / "a" / "empty").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    files = Files((tmp_path,))
    assert files.with_any([b"needle", b"nothing"]) == [f"{tmp_path}/a/b/c.log: b'needle'"]
    assert files.bytes_in_all() == 10


def test_a_file_that_is_renamed_before_it_is_read_is_not_taken_for_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment, deleted = tmp_path / "0.log", tmp_path / "0.log.deleted"
    segment.write_bytes(b"needle")
    files, opened = Files((tmp_path,)), Path.open

    def renamed(path: Path, mode: str) -> object:
        segment.rename(deleted)
        return opened(path, mode)

    with monkeypatch.context() as moment:
        moment.setattr(Path, "open", renamed)
        assert files.with_any([b"needle"]) == []
        deleted.rename(segment)
        assert not files.are_known_without([b"needle"])
    deleted.unlink()
    assert files.are_known_without([b"needle"])


def test_a_pattern_that_ends_alike_is_found_by_its_end() -> None:
    form = Form("backwards", {b"1234zz": "one", b"5678zz": "two"}, rare=True)
    assert list(form.found(b"zz 5678zz 1234zz")) == ["two", "one"]
