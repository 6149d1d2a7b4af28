"""The script `./dev` itself, in a copy of the checkout with stand-ins for uv, pip and the venv."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.checkout import CHECKOUT

UV = """#!/bin/sh
[ "$1" = --version ] && { echo "uv 99.0.0"; exit 0; }
echo "uv $* downloads=$UV_PYTHON_DOWNLOADS" >>"$CALLS"
[ -n "${UV_FAILS:-}" ] && { echo "no such package" >&2; exit 2; }
mkdir -p "$UV_PROJECT_ENVIRONMENT/bin"
cat >"$UV_PROJECT_ENVIRONMENT/bin/python" <<'END'
#!/bin/sh
[ "$1" = -c ] && exit 0
echo "python $*"
END
chmod +x "$UV_PROJECT_ENVIRONMENT/bin/python"
"""

PYTHON = """#!/bin/sh
case "$*" in
"-m venv "*)
    [ -n "${NO_VENV:-}" ] && { echo "ensurepip is not available"; exit 1; }
    mkdir -p "$3/bin"
    { echo "#!/bin/sh"; echo 'cp "$UV_STAND_IN" "$(dirname "$0")/uv"'; } >"$3/bin/python"
    chmod +x "$3/bin/python" ;;
"-m pip install "*--target*)
    [ -n "${NO_PIP:-}" ] && { echo "No module named pip"; exit 1; }
    mkdir -p "$7/bin" && cp "$UV_STAND_IN" "$7/bin/uv" ;;
*) exec "$REAL_PYTHON" "$@" ;;
esac
"""


class Machine:
    """A copy of the checkout and a PATH with nothing but the tools of sh and what is put there."""

    def __init__(self, folder: Path) -> None:
        self.root, self.bin, self.calls = folder / "checkout", folder / "bin", folder / "calls"
        self.bin.mkdir()
        self.stand_in = folder / "uv-stand-in"
        self.stand_in.write_text(UV)
        self.stand_in.chmod(0o755)
        parts = [
            "dev",
            "uv.lock",
            "pyproject.toml",
            "devstack/pyproject.toml",
            "devstack/src/devstack/usage.txt",
        ]
        parts += [str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob("*/*/pyproject.toml")]
        for part in parts:
            (self.root / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / part, self.root / part)
        for tool in ("sh", "cat", "cksum", "cp", "chmod", "dirname", "mkdir", "mktemp", "mv", "rm", "tail"):
            found = shutil.which(tool)
            assert found
            (self.bin / tool).symlink_to(found)

    def put(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def dev(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {
            "PATH": str(self.bin),
            "HOME": str(self.root),
            "CALLS": str(self.calls),
            "UV_STAND_IN": str(self.stand_in),
            "REAL_PYTHON": sys.executable,
            **environment,
        }
        command = [str(self.root / "dev"), *arguments]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)

    def uv_calls(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_help_needs_nothing_installed(machine: Machine) -> None:
    done = machine.dev("help")
    assert done.returncode == 0
    assert "./dev COMMAND" in done.stdout
    assert not (machine.root / ".venv").exists()


def test_no_python_is_told(machine: Machine) -> None:
    done = machine.dev("status")
    assert done.returncode == 1
    assert "Python 3.11 to 3.14 is needed" in done.stderr
    assert "there is no python3" in done.stderr


def test_an_old_python_is_told_with_its_version(machine: Machine) -> None:
    machine.put("python3", '#!/bin/sh\ncase "$2" in *exit*) exit 1 ;; *) echo "python3 is 3.9" ;; esac\n')
    done = machine.dev("status")
    assert done.returncode == 1
    assert "(python3 is 3.9)" in done.stderr


def test_a_newer_python_beside_an_old_python3_is_taken(machine: Machine) -> None:
    machine.put("python3", "#!/bin/sh\nexit 1\n")
    machine.put("python3.12", PYTHON)
    machine.put("uv", UV)
    assert machine.dev("status").returncode == 0
    assert f"--python {machine.bin / 'python3.12'}" in machine.uv_calls()[0]


def test_it_installs_once_and_hands_over(machine: Machine) -> None:
    machine.put("python3", PYTHON)
    machine.put("uv", UV)
    first = machine.dev("up", "--data", "a folder")
    assert first.returncode == 0, first.stderr
    assert first.stdout == "python -P -m devstack up --data a folder\n"
    (call,) = machine.uv_calls()
    assert f"sync --project {machine.root} --frozen" in call
    assert "downloads=never" in call
    second = machine.dev("up")
    assert second.stderr == ""
    assert len(machine.uv_calls()) == 1


@pytest.mark.parametrize("changed", ["uv.lock", "services/collector/pyproject.toml"])
def test_a_changed_lock_is_installed(machine: Machine, changed: str) -> None:
    machine.put("python3", PYTHON)
    machine.put("uv", UV)
    machine.dev("up")
    with (machine.root / changed).open("a") as handle:
        handle.write("\n")
    machine.dev("up")
    assert len(machine.uv_calls()) == 2


def test_a_failed_install_is_told_and_tried_again(machine: Machine) -> None:
    machine.put("python3", PYTHON)
    machine.put("uv", UV)
    failed = machine.dev("up", UV_FAILS="1")
    assert failed.returncode == 1
    assert "no such package" in failed.stderr
    assert "could not be installed" in failed.stderr
    assert machine.dev("up").returncode == 0


@pytest.mark.parametrize("without", [{}, {"NO_VENV": "1"}])
def test_uv_is_fetched_with_venv_or_with_pip(machine: Machine, without: dict[str, str]) -> None:
    machine.put("python3", PYTHON)
    done = machine.dev("up", **without)
    assert done.returncode == 0, done.stderr
    assert "fetching uv" in done.stderr
    (tool,) = (machine.root / ".dev" / "tools").iterdir()
    assert tool.name.startswith("uv-")
    assert os.access(tool, os.X_OK)


def test_an_old_uv_on_the_path_is_not_used(machine: Machine) -> None:
    machine.put("python3", PYTHON)
    machine.put("uv", "#!/bin/sh\necho 'uv 0.1.0 (abc 2024-01-01)'\n")
    assert "fetching uv" in machine.dev("up").stderr
    assert len(machine.uv_calls()) == 1


def test_no_way_to_fetch_uv_says_what_to_install(machine: Machine) -> None:
    machine.put("python3", PYTHON)
    done = machine.dev("up", NO_VENV="1", NO_PIP="1")
    assert done.returncode == 1
    assert "ensurepip is not available" in done.stderr
    assert "install python3-venv, or install uv" in done.stderr
    assert [*(machine.root / ".dev" / "tools").iterdir()] == []


def test_it_works_from_another_folder(machine: Machine, tmp_path: Path) -> None:
    machine.put("python3", PYTHON)
    machine.put("uv", UV)
    link = tmp_path / "elsewhere"
    link.mkdir()
    done = subprocess.run(
        ["../checkout/dev", "status"],
        cwd=link,
        env={"PATH": str(machine.bin), "CALLS": str(machine.calls), "REAL_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "python -P -m devstack status\n"
