import subprocess
from pathlib import Path

import pytest

from devstack import npm
from devstack.browser_script import ensure
from devstack.npm import SDK


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    folder = tmp_path / "sdk"
    for name in (
        "package-lock.json",
        "tsconfig.json",
        "browser/build.mjs",
        "browser/src/a.ts",
        "tracker/src/b.ts",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    made: list[list[str]] = []

    def run(command: list[str], _folder: Path) -> str:
        made.append(command[1:])
        Path(command[2]).mkdir(parents=True, exist_ok=True)
        return "s.js: 1 byte\n"

    monkeypatch.setattr(npm, "run", run)
    monkeypatch.setattr(npm, "install", lambda *_: None)
    return made


@pytest.mark.parametrize(
    "changed", ["browser/src/a.ts", "tracker/src/b.ts", "tracker/src/new.ts", "package-lock.json"]
)
def test_it_is_built_once_and_again_when_its_sources_change(
    sdk: Path, tmp_path: Path, builds: list[list[str]], changed: str
) -> None:
    folder = tmp_path / "script"
    told: list[str] = []
    assert ensure(told.append, folder, sdk) == ensure(told.append, folder, sdk) == folder
    assert builds == [["browser/build.mjs", str(folder)]]
    assert told == ["  ... s.js: 1 byte"]
    (sdk / changed).write_text("changed")
    ensure(told.append, folder, sdk)
    assert len(builds) == 2


def test_its_sources_are_those_of_the_checkout() -> None:
    listed = subprocess.run(
        ["git", "-C", str(SDK), "ls-files", "browser/src", "tracker/src"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert listed
    assert {Path(name).suffix for name in listed} == {".ts"}
