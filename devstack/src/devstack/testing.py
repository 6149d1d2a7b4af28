"""`./dev test`: which tests run, and what was left out."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devstack import kustomize
from devstack.checkout import CHECKOUT
from devstack.images import check as images
from devstack.terminal import say

UNIT = "not stack and not slow and not long"
ALL_BUT_LONG = "not long"


@dataclass(frozen=True)
class Optional:
    """A part of the tests that needs a program which not every machine has.

    `left_out` returns why it cannot run here, or "".
    """

    part: str
    marker: str
    left_out: Callable[[], str]


CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Names of the program, the free one first."""


def find_chromium() -> str | None:
    """The path of a Chromium of this machine, None where there is none."""
    return next((path for name in CHROMIUMS if (path := shutil.which(name))), None)


def _without_chromium() -> str:
    return (
        "" if find_chromium() else f"there is no {CHROMIUMS[0]} on the PATH (Debian's package has that name)"
    )


OPTIONAL_PARTS: tuple[Optional, ...] = (
    Optional("the browser script in a real browser", "browser", _without_chromium),
    Optional("the Kubernetes manifests as kustomize renders them", "kustomize", kustomize.missing),
    Optional("the images, built and run (a long test)", "docker", images.missing),
)
"""Tests with one of these markers run only where `left_out` has nothing to say."""


def run(arguments: Sequence[str]) -> int:
    """Run pytest and return its exit status, after naming what was left out."""
    expression, notes, rest = plan(arguments, OPTIONAL_PARTS)
    command = [sys.executable, "-m", "pytest"]
    if expression:
        command += ["-m", expression]
    done = subprocess.run([*command, *rest], cwd=CHECKOUT, check=False)
    for note in notes:
        say(f"left out: {note}")
    return done.returncode


def faults(arguments: Sequence[str]) -> int:
    """Run the fault matrix (tests/faults/matrix) and return its exit status; it reads its own arguments."""
    return subprocess.run(
        [sys.executable, "-m", "tests.faults.matrix", *arguments], cwd=CHECKOUT, check=False
    ).returncode


def bench(arguments: Sequence[str]) -> int:
    """Run the benchmarks and return their exit status; they read their own arguments."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=CHECKOUT, check=False
    ).returncode


def plan(arguments: Sequence[str], optional: Sequence[Optional]) -> tuple[str, list[str], list[str]]:
    """Return the marker expression, what is left out and why, and the arguments for pytest.

    The first argument may be `unit`, `long`, `sdk` or `--containers`; an own `-m` replaces the expression.
    """
    kind, rest = _split(arguments)
    if any(argument.startswith("-m") for argument in rest):
        return "", [], rest
    missing = [(part, why) for part in optional if (why := part.left_out())]
    terms = [_SELECTIONS[kind], *(f"not {part.marker}" for part, _ in missing)]
    notes = [*_NOTES[kind], *(f"{part.part}: {why}" for part, why in missing)]
    return " and ".join(term for term in terms if term), notes, [*_OPTIONS[kind], *rest]


CONTAINERS = "--containers"
"""Also the option of pytest that chooses the stack (tests/pipeline/running.py)."""

_SELECTIONS = {"all": ALL_BUT_LONG, "unit": UNIT, "long": "", "sdk": ALL_BUT_LONG, CONTAINERS: ALL_BUT_LONG}

_LONG_NOTE = "tests marked long (./dev test long runs them)"
# Unit tests share nothing, so each processor takes a part of them; the others share one broker.
_OPTIONS: dict[str, list[str]] = {
    "all": [],
    "unit": ["-n", str(os.cpu_count() or 1), "--dist", "worksteal", "--hypothesis-profile", "quick"],
    "long": [],
    "sdk": ["tests/sdk"],
    CONTAINERS: ["tests/pipeline", CONTAINERS],
}
_NOTES = {
    "all": [_LONG_NOTE],
    "unit": ["tests that need the broker or the engine, or seconds (./dev test runs them)", _LONG_NOTE],
    "long": [],
    "sdk": [],
    CONTAINERS: [],
}


def _split(arguments: Sequence[str]) -> tuple[str, list[str]]:
    if arguments and arguments[0] in _SELECTIONS:
        return arguments[0], list(arguments[1:])
    return "all", list(arguments)
