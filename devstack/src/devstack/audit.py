"""Are there published vulnerabilities in what is installed? `python -m devstack.audit`, a part of `./dev check`.

pip-audit asks the package index. Where that cannot be reached it still ends with success, because it counts each
package as left out. So its report is read here: nothing audited is "skipped", and in CI, where
EVENTRAIL_AUDIT=required, a failure.

Known findings that do no harm here stand in the root pyproject.toml, each with its reason:

    [tool.eventrail.audit.ignore]
    GHSA-xxxx-xxxx-xxxx = "why it cannot be used against us"
"""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.checkout import CHECKOUT
from devstack.terminal import say

PASSED, FAILED, SKIPPED = 0, 1, 77
OWN_PREFIX = "eventrail"
LIMIT_S = 180.0


@dataclass(frozen=True)
class Verdict:
    """Exit status, and the lines that say why."""

    status: int
    lines: tuple[str, ...]


def judge(report: Mapping[str, Any], ignored: Mapping[str, str]) -> Verdict:
    """What pip-audit's JSON report means; `ignored` are reasons by the id or an alias of a finding."""
    unexplained = [name for name, reason in ignored.items() if not reason.strip()]
    if unexplained:
        return Verdict(FAILED, (f"ignored without a reason: {', '.join(unexplained)}",))
    packages = [item for item in report["dependencies"] if not item["name"].startswith(OWN_PREFIX)]
    audited = [item for item in packages if "skip_reason" not in item]
    if not audited:
        why = packages[0]["skip_reason"] if packages else "nothing is installed"
        return Verdict(SKIPPED, (f"none of {len(packages)} packages could be audited here: {why}",))
    lines = [f"{item['name']}: {item['skip_reason']}" for item in packages if "skip_reason" in item]
    lines += [line for item in audited for line in _findings(item, ignored)]
    if lines:
        return Verdict(FAILED, tuple(lines))
    return Verdict(PASSED, (f"{len(audited)} packages without known vulnerabilities",))


def _findings(package: Mapping[str, Any], ignored: Mapping[str, str]) -> list[str]:
    return [
        f"{package['name']} {package['version']}: {found['id']}, mended in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}"
        for found in package["vulns"]
        if ignored.keys().isdisjoint({found["id"], *found.get("aliases", ())})
    ]


def required(verdict: Verdict, environment: Mapping[str, str]) -> Verdict:
    """A skip is a failure where EVENTRAIL_AUDIT=required."""
    if verdict.status == SKIPPED and environment.get("EVENTRAIL_AUDIT") == "required":
        return Verdict(FAILED, (*verdict.lines, "EVENTRAIL_AUDIT=required: it may not be skipped here"))
    return verdict


def ignored_in(pyproject: Path) -> dict[str, str]:
    """The findings that are known, with the reasons why they do no harm."""
    tables = tomllib.loads(pyproject.read_text("utf-8")).get("tool", {})
    found: dict[str, str] = tables.get("eventrail", {}).get("audit", {}).get("ignore", {})
    return found


def ask(command: Sequence[str], limit_s: float = LIMIT_S) -> Mapping[str, Any] | str:
    """Run pip-audit; its report, or why there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit_s)
    except FileNotFoundError:
        return f"{command[0]} is not installed"
    except subprocess.TimeoutExpired:
        return f"no answer within {limit_s:g} s"
    try:
        report: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return f"pip-audit could not ask: {last[0][:300]}"
    return report


def main() -> int:
    """Exit status 0, 1 where something is found, 77 where nothing could be asked."""
    tool = str(Path(sys.executable).with_name("pip-audit"))
    options = ("--format", "json", "--progress-spinner", "off", "--path", sysconfig.get_path("purelib"))
    report = ask((tool, *options))
    verdict = (
        Verdict(SKIPPED, (report,))
        if isinstance(report, str)
        else judge(report, ignored_in(CHECKOUT / "pyproject.toml"))
    )
    verdict = required(verdict, os.environ)
    for line in verdict.lines:
        say(line)
    return verdict.status


if __name__ == "__main__":
    sys.exit(main())
