import os
import sys
from pathlib import Path

import pytest

from devstack import npm
from devstack.errors import SdkError


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    folder = tmp_path / "sdk"
    (folder / "part").mkdir(parents=True)
    (folder / "node_modules").mkdir()
    for name in ("package.json", "package-lock.json", "part/package.json"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    commands: list[list[str]] = []
    monkeypatch.setattr(npm, "run", lambda command, _folder: commands.append(list(command)))
    return commands


@pytest.mark.parametrize("changed", ["package-lock.json", "part/package.json"])
def test_packages_are_installed_once_and_again_when_the_lock_changes(
    sdk: Path, ran: list[list[str]], changed: str
) -> None:
    told: list[str] = []
    npm.install(told.append, sdk)
    npm.install(told.append, sdk)
    assert (len(ran), len(told)) == (1, 1)
    assert ran[0][2:] == ["ci", "--no-progress"]
    (sdk / changed).write_text('{"name": "other"}')
    npm.install(told.append, sdk)
    assert len(ran) == 2


def test_a_digest_is_of_names_below_a_folder_and_of_contents(tmp_path: Path) -> None:
    def digest(name: str, text: str) -> str:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return npm.digest_of([file], tmp_path / name.partition("/")[0])

    assert len({digest("one/a", "1"), digest("one/a", "2"), digest("one/b", "1")}) == 3
    assert digest("one/a", "1") == digest("two/a", "1")


def test_an_install_that_failed_is_done_again(sdk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_command: list[str], _folder: Path) -> str:
        raise SdkError("no network")

    monkeypatch.setattr(npm, "run", fails)
    for _ in range(2):
        with pytest.raises(SdkError, match="no network"):
            npm.install(lambda _: None, sdk)


def test_what_a_failing_command_wrote_is_told(tmp_path: Path) -> None:
    with pytest.raises(SdkError, match="the reason"):
        npm.run([sys.executable, "-c", "print('the reason'); exit(3)"], tmp_path)
    assert npm.run([sys.executable, "-c", "print('well')"], tmp_path) == "well\n"


def test_our_node_comes_first_on_the_path() -> None:
    assert npm.variables({"PATH": "/bin", "A": "b"}) == {
        "PATH": f"{npm.NODE.parent}{os.pathsep}/bin",
        "A": "b",
    }
    assert npm.NODE.is_file()
