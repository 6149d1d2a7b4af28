import os
import re
from pathlib import Path

import pytest

from devstack import schemas
from devstack.errors import GoToolsError
from devstack.go_programs import GoPrograms
from devstack.kubernetes import programs

BOTH = (programs.CONTROL_PLANE, programs.KWOK)


def lines(group: GoPrograms, file: str = "go.mod") -> list[str]:
    return (group.modules / file).read_text().splitlines()


def test_the_server_is_of_the_version_that_the_schemas_are_of() -> None:
    modules = schemas.parse_lock(schemas.MODULES_LOCK.read_text())
    assert f"k8s.io/kubernetes@{programs.VERSION}" in modules
    assert any(
        line.startswith(f"\tk8s.io/kubernetes {programs.VERSION}") for line in lines(programs.CONTROL_PLANE)
    )
    told = {name.rpartition(".")[2]: value for name, value in programs.CONTROL_PLANE.variables.items()}
    assert f"v{told['gitMajor']}.{told['gitMinor']}." in told["gitVersion"] == programs.VERSION


def test_every_part_of_kubernetes_is_of_that_version() -> None:
    replaced = dict(line.strip().split(" => ") for line in lines(programs.CONTROL_PLANE) if " => " in line)
    assert len(replaced) >= 30
    published = programs.VERSION.replace("v1.", "v0.", 1)
    assert replaced == {name: f"{name} {published}" for name in replaced}


@pytest.mark.parametrize("group", BOTH, ids=lambda group: group.name)
def test_the_modules_name_every_program_as_a_tool_and_lock_it(group: GoPrograms) -> None:
    locked = {line.split()[0] for line in lines(group, "go.sum") if "/go.mod " not in line}
    for package in group.packages.values():
        assert any(re.fullmatch(rf"(tool |\t){package}", line) for line in lines(group))
        assert any(package == module or package.startswith(f"{module}/") for module in locked)


def test_all_programs_come_from_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(GoPrograms, "missing", lambda _: "")
    monkeypatch.setattr(GoPrograms, "ensure", lambda group, _: tmp_path / group.name)
    found = programs.ensure(print)
    assert found["etcd"] == tmp_path / "kubernetes/etcd"
    assert found["kwok"] == tmp_path / "kwok/kwok"


def test_without_go_nothing_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(GoToolsError, match="Debian's package is golang-go"):
        programs.ensure(print)
