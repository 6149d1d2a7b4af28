"""`./dev check`: everything that can be said about the code without running it."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.checkout import CHECKOUT
from devstack.terminal import say

SKIPPED_STATUS = 77
"""Of a command that could not check anything here; its output says why."""

MAIN_BRANCHES = ("origin/main", "main")


@dataclass(frozen=True)
class Check:
    """One command that must end with status 0; `mend` says what to run when it does not."""

    name: str
    command: tuple[str, ...]
    mend: str


@dataclass(frozen=True)
class Skipped:
    """A check that cannot be made here, with the reason."""

    name: str
    why: str


def _tool(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(Path(sys.executable).with_name(name)), *arguments)


def all_checks() -> list[Check | Skipped]:
    """The checks in the order in which they run, the quick ones first."""
    return [
        Check("format", _tool("ruff", "format", "--check", "."), ".venv/bin/ruff format ."),
        Check("lint", _tool("ruff", "check", "."), ".venv/bin/ruff check --fix ."),
        Check(
            "generated code is fresh",
            (sys.executable, "-m", "devstack.protogen", "--check"),
            ".venv/bin/python -m devstack.protogen",
        ),
        Check("proto lint", _tool("buf", "lint", "proto"), "edit proto/ as the lines above say"),
        Check(
            "proto format",
            _tool("buf", "format", "proto", "--diff", "--exit-code"),
            ".venv/bin/buf format proto --write",
        ),
        proto_breaking(CHECKOUT),
        golden_kept(CHECKOUT),
        Check(
            "dependencies",
            (sys.executable, "-m", "devstack.audit"),
            "update the packages above with uv, or say in pyproject.toml why they do no harm",
        ),
        Check("import contracts", _tool("lint-imports"), "see [tool.importlinter] in pyproject.toml"),
        Check("types", _tool("mypy", *python_folders(CHECKOUT)), "edit as the lines above say"),
    ]


def python_folders(checkout: Path) -> list[str]:
    """The folders that hold our Python code, relative to the checkout."""
    packages = [path for room in ("libs", "services", "sdk") for path in checkout.glob(f"{room}/*/src/*")]
    roots = [*packages, *checkout.glob("devstack/src/*")]
    roots += [checkout / name for name in ("tests", "benchmarks", "examples")]
    return sorted(str(root.relative_to(checkout)) for root in roots if any(root.rglob("*.py")))


def proto_breaking(checkout: Path) -> Check | Skipped:
    """Compare the protos with those of the last tag, else of the main branch, when git has one."""
    name = "proto compatibility"
    against = _reference(checkout)
    if not against:
        return Skipped(name, "no tag and no main branch with a proto/ to compare with")
    # Not `.git`: in a worktree that is a file, and the objects lie elsewhere.
    objects = _git(checkout, "rev-parse", "--path-format=absolute", "--git-common-dir")
    against_input = f"{objects}#ref={against},subdir=proto"
    command = _tool("buf", "breaking", "proto", "--against", against_input)
    return Check(name, command, "undo the change, or add a new field, message or package version")


def golden_kept(checkout: Path) -> Check | Skipped:
    """Compare the golden messages with those of the same reference: new ones are fine, none changes or goes away."""
    name = "golden messages"
    against = _reference(checkout)
    if not against:
        return Skipped(name, "no tag and no main branch with a proto/ to compare with")
    changed = ("git", "diff", "--exit-code", "--diff-filter=a", against, "--", "proto/golden/*.json")
    return Check(name, changed, "take the change back, and add a new file beside the old one")


def _reference(checkout: Path) -> str:
    tag = _git(checkout, "describe", "--tags", "--abbrev=0")
    for candidate in (tag, *MAIN_BRANCHES):
        if candidate and _git(checkout, "rev-parse", "--verify", "--quiet", f"{candidate}:proto"):
            return _git(checkout, "rev-parse", f"{candidate}^{{commit}}")
    return ""


def _git(checkout: Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def run(checks: Sequence[Check | Skipped] | None = None, report: Callable[[str], None] = say) -> int:
    """Make all checks, show the whole output of each that fails, and return 0 or 1."""
    failed: list[Check] = []
    for check in all_checks() if checks is None else checks:
        if isinstance(check, Skipped):
            report(f"skip    {check.name}: {check.why}")
        elif not _passes(check, report):
            failed.append(check)
    for check in failed:
        report(f"FAILED {check.name}; to mend it: {check.mend}")
    report(f"check: {len(failed)} failed" if failed else "check: all passed")
    return 1 if failed else 0


def _passes(check: Check, report: Callable[[str], None]) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode == SKIPPED_STATUS:
        report(f"skip    {check.name}: {done.stdout.strip()}")
        return True
    passed = done.returncode == 0
    report(f"{'ok  ' if passed else 'FAIL'}    {check.name} ({time.monotonic() - began:.1f} s)")
    if not passed:
        report(done.stdout.rstrip())
    return passed
