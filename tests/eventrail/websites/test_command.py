import re
from pathlib import Path

import pytest

from eventrail.__main__ import main
from eventrail.websites import keys


def test_a_file_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("websites:\n- {id: a, name: A, domains: [a.example]}\n")
    assert main(["websites", "check", str(path)]) == 0
    assert "1 websites, all in order" in capsys.readouterr().out


def test_a_wrong_file_tells_its_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("websites:\n- {id: a}\n")
    assert main(["websites", "check", str(path)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"{path}:2:3: websites[0].name: is required"
    assert len(said) == 2


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["websites", "check", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: cannot be read: No such file" in capsys.readouterr().err


def test_a_key_is_new_each_time_and_its_lines_fit_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    found = set()
    for _ in range(2):
        assert main(["websites", "key"]) == 0
        said = capsys.readouterr().out
        key = re.search(r"evk_[\w-]{43}", said)
        assert key is not None
        assert f"hash: {keys.hash_of(key[0])}" in said
        found.add(key[0])
    assert len(found) == 2
