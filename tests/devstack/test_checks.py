import os
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import checks
from devstack.checkout import CHECKOUT
from devstack.checks import Check, Skipped, golden_kept, proto_breaking, python_folders


def command(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def run(*made: Check | Skipped) -> tuple[int, str]:
    told: list[str] = []
    return checks.run(made, told.append), "\n".join(told)


def test_every_failure_is_shown_whole_with_what_mends_it() -> None:
    status, told = run(
        Check("one", command("print('reason one'); exit(1)"), "mend one"),
        Check("two", command(""), "mend two"),
        Check("three", command("import sys; print('reason three', file=sys.stderr); exit(2)"), "mend three"),
    )
    assert status == 1
    assert "reason one" in told
    assert "reason three" in told
    assert "FAILED one; to mend it: mend one" in told
    assert "FAILED three; to mend it: mend three" in told
    assert "mend two" not in told
    assert told.endswith("check: 2 failed")


def test_all_passed_is_status_0() -> None:
    status, told = run(Check("one", command("print('noise')"), ""), Skipped("two", "no history"))
    assert status == 0
    assert "noise" not in told
    assert "two: no history" in told
    assert told.endswith("check: all passed")


def test_the_types_of_all_our_code_are_checked() -> None:
    folders = python_folders(CHECKOUT)
    assert {"libs/eventrail/src/eventrail", "devstack/src/devstack", "tests", "examples"} <= set(folders)
    assert {"services/collector/src/collector", "services/query-api/src/query_api"} <= set(folders)
    assert {"sdk/python/src/eventrail_client", "sdk/subscriber/src/eventrail_subscriber"} <= set(folders)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # A hook or `git rebase --exec` names the repository that it works on; it must not become that of a test.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    person = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *person, *arguments], check=True, capture_output=True)


def write_proto(repository: Path, kind: str) -> None:
    folder = repository / "proto" / "x" / "v1"
    folder.mkdir(parents=True, exist_ok=True)
    text = f'syntax = "proto3";\npackage x.v1;\nmessage M {{\n  {kind} a = 1;\n}}\n'
    (folder / "m.proto").write_text(text)


def commit(repository: Path, name: str) -> None:
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", name)


def test_a_checkout_without_history_skips_the_comparison(repository: Path, tmp_path: Path) -> None:
    assert isinstance(proto_breaking(repository), Skipped)
    assert isinstance(golden_kept(repository), Skipped)
    (repository / "README").write_text("x")
    commit(repository, "no proto yet")
    assert isinstance(proto_breaking(repository), Skipped)


def test_a_breaking_change_is_found_and_a_compatible_one_is_not(repository: Path) -> None:
    write_proto(repository, "string")
    commit(repository, "first")
    check = proto_breaking(repository)
    assert isinstance(check, Check)
    same = subprocess.run(check.command, cwd=repository, capture_output=True, text=True, check=False)
    assert same.returncode == 0, same.stdout + same.stderr
    write_proto(repository, "int64")
    broken = subprocess.run(check.command, cwd=repository, capture_output=True, text=True, check=False)
    assert broken.returncode != 0
    assert "changed type" in broken.stdout


def test_the_last_tag_is_preferred_to_the_main_branch(repository: Path) -> None:
    write_proto(repository, "string")
    commit(repository, "released")
    git(repository, "tag", "v1")
    write_proto(repository, "int64")
    commit(repository, "broken since")
    check = proto_breaking(repository)
    assert isinstance(check, Check)
    done = subprocess.run(check.command, cwd=repository, capture_output=True, text=True, check=False)
    assert "changed type" in done.stdout


def golden_status(repository: Path) -> int:
    check = golden_kept(repository)
    assert isinstance(check, Check)
    return subprocess.run(check.command, cwd=repository, capture_output=True, check=False).returncode


def test_golden_messages_stay_and_new_ones_may_come(repository: Path) -> None:
    write_proto(repository, "string")
    folder = repository / "proto" / "golden"
    folder.mkdir()
    (folder / "README.md").write_text("x")
    (folder / "old.json").write_text("{}")
    commit(repository, "first")
    (folder / "new.json").write_text("{}")
    (folder / "README.md").write_text("y")
    assert golden_status(repository) == 0
    commit(repository, "second")
    (folder / "new.json").write_text('{"key": 1}')
    assert golden_status(repository) == 1
    (folder / "new.json").write_text("{}")
    (folder / "old.json").unlink()
    assert golden_status(repository) == 1
