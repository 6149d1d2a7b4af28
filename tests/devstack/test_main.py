from pathlib import Path

import pytest

from devstack.__main__ import main


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    told = capsys.readouterr().out
    for command in ("up", "down", "status", "logs", "test", "check", "k8s-check"):
        assert f"\n  {command} " in told


def test_no_command_shows_the_help_and_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: ./dev" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["start"], ["up", "--port", "1"], ["up", "--port-base", "x"], ["logs"]])
def test_a_wrong_command_line_points_to_the_help(
    capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "see ./dev help" in capsys.readouterr().err


def test_a_wrong_command_is_told_all_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["start"])
    told = capsys.readouterr().err
    for command in ("up", "down", "status", "logs", "test", "check", "k8s-check", "help"):
        assert f"'{command}'" in told


def test_trouble_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--port-base", "70000"]) == 1
    assert "./dev: --port-base 70000 does not fit" in capsys.readouterr().err


def test_a_folder_that_is_none_is_told_before_anything_is_built(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["k8s-check", str(tmp_path / "nowhere")]) == 1
    assert "nowhere is no folder" in capsys.readouterr().err


def test_nothing_running_is_status_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EVENTRAIL_DEV_STATE", str(tmp_path))
    assert main(["down"]) == 3
    assert "no stack runs here" in capsys.readouterr().err
