"""Building kustomize, with a program in the place of Go."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devstack import kustomize
from devstack.errors import GoToolsError

GO = """#!/bin/sh
case "$1" in
    env) echo go1.24.9 ;;
    build) echo "$*" >> "$BUILDS"; while [ "$1" != -o ]; do shift; done; printf '#!/bin/sh\\necho built' > "$2" ;;
esac
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "gotools"
    folder.mkdir()
    (folder / "go.mod").write_text("module tools\n\ngo 1.24.0\n")
    (folder / "go.sum").write_text("sums\n")
    return folder


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


def test_it_is_built_once_from_what_is_locked(modules: Path, builds: Path) -> None:
    program = kustomize.ensure(silent, modules)
    assert kustomize.ensure(silent, modules) == program
    (asked,) = builds.read_text().splitlines()
    assert "-mod=readonly" in asked
    assert asked.endswith(kustomize.PACKAGE)
    assert [path.name for path in program.parent.iterdir()] == ["kustomize"]


def test_another_lock_makes_another_program(modules: Path, builds: Path) -> None:
    first = kustomize.ensure(silent, modules)
    (modules / "go.sum").write_text("other sums\n")
    assert kustomize.ensure(silent, modules) != first
    assert len(builds.read_text().splitlines()) == 2


def test_two_at_once_build_once(modules: Path, builds: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: kustomize.ensure(silent, modules), range(2)))
    assert len(builds.read_text().splitlines()) == 1


def test_a_failed_build_leaves_nothing_and_says_why(modules: Path, builds: Path, tmp_path: Path) -> None:
    (tmp_path / "bin/go").write_text("#!/bin/sh\necho 'the reason' >&2\nexit 1\n")
    with pytest.raises(GoToolsError, match="the reason"):
        kustomize.ensure(silent, modules)
    assert not kustomize.program(modules).exists()
    (tmp_path / "bin/go").write_text(GO)
    assert kustomize.ensure(silent, modules).is_file()


def test_what_kustomize_says_of_a_wrong_folder_is_told(tmp_path: Path) -> None:
    refuses = tmp_path / "kustomize"
    refuses.write_text('#!/bin/sh\necho "no such file: $2" >&2\nexit 1\n')
    refuses.chmod(0o755)
    with pytest.raises(GoToolsError, match="no such file"):
        kustomize.render(tmp_path, refuses)


def test_a_machine_without_go_says_so(
    modules: Path, builds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kustomize.missing(modules) == ""
    (modules / "go.mod").write_text("module tools\n\ngo 1.30.0\n")
    assert kustomize.missing(modules) == "go1.24.9 is on the PATH, and go 1.30.0 or later is needed"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no go on the PATH" in kustomize.missing(modules)
    with pytest.raises(GoToolsError, match="go is not there"):
        kustomize.ensure(silent, modules)


def test_the_pinned_modules_name_the_package() -> None:
    text = (kustomize.MODULES / "go.mod").read_text()
    assert f"tool {kustomize.PACKAGE}" in text
    assert f"{kustomize.PACKAGE} v" in (kustomize.MODULES / "go.sum").read_text()
