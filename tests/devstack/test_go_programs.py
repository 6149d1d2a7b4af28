"""Building programs of Go, with a program in the place of Go."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.errors import GoToolsError
from devstack.go_programs import GoPrograms

GO = """#!/bin/sh
case "$1" in
    env) echo go1.24.9 ;;
    build) echo "$*" >> "$BUILDS"; while [ "$1" != -o ]; do shift; done
           mkdir -p "$(dirname "$2")"; printf '#!/bin/sh\\necho built' > "$2" ;;
esac
"""


@pytest.fixture
def tools(tmp_path: Path) -> GoPrograms:
    folder = tmp_path / "gotools"
    folder.mkdir()
    (folder / "go.mod").write_text("module tools\n\ngo 1.24.0\n")
    (folder / "go.sum").write_text("sums\n")
    packages = {"one": "example.com/one", "two": "example.com/two"}
    return GoPrograms("tools", folder, packages, {"example.com/version.Told": "v9"})


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A go that builds nothing; the file fills with what was asked of it."""
    (tmp_path / "bin").mkdir()
    go = tmp_path / "bin/go"
    go.write_text(GO)
    go.chmod(0o755)
    asked = tmp_path / "builds"
    asked.write_text("")
    monkeypatch.setenv("PATH", f"{go.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BUILDS", str(asked))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return asked


def silent(_: str) -> None:
    pass


def test_all_are_built_once_from_what_is_locked(tools: GoPrograms, builds: Path, tmp_path: Path) -> None:
    folder = tools.ensure(silent)
    assert tools.ensure(silent) == folder
    asked = builds.read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in asked] == ["example.com/one", "example.com/two"]
    for line in asked:
        assert "-mod=readonly" in line
        assert "-X=example.com/version.Told=v9" in line
    assert sorted(path.name for path in folder.iterdir()) == ["one", "two"]
    left = {path.name for path in (tmp_path / "cache/eventrail").iterdir()}
    assert left == {folder.name, f"{folder.name}.lock"}


def test_another_lock_or_another_wish_makes_other_programs(tools: GoPrograms, builds: Path) -> None:
    first = tools.ensure(silent)
    assert replace(tools, variables={}).folder() != first
    assert replace(tools, packages={"one": "example.com/one"}).folder() != first
    (tools.modules / "go.sum").write_text("other sums\n")
    assert tools.ensure(silent) != first
    assert len(builds.read_text().splitlines()) == 4


def test_two_at_once_build_once(tools: GoPrograms, builds: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: tools.ensure(silent), range(2)))
    assert len(builds.read_text().splitlines()) == 2


def test_a_failed_build_leaves_nothing_and_says_why(tools: GoPrograms, builds: Path, tmp_path: Path) -> None:
    (tmp_path / "bin/go").write_text(
        f'#!/bin/sh\ncase "$*" in *one) ;; *) echo "the reason" >&2; exit 1; esac\n{GO}'
    )
    with pytest.raises(GoToolsError, match="the reason"):
        tools.ensure(silent)
    assert not tools.folder().exists()
    (tmp_path / "bin/go").write_text(GO)
    assert (tools.ensure(silent) / "two").is_file()


def test_a_machine_without_go_says_so(
    tools: GoPrograms, builds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tools.missing() == ""
    (tools.modules / "go.mod").write_text("module tools\n\ngo 1.30.0\n")
    assert tools.missing() == "go1.24.9 is on the PATH, and go 1.30.0 or later is needed"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Debian's package is golang-go" in tools.missing()
    with pytest.raises(GoToolsError, match="go is not there"):
        tools.ensure(silent)
