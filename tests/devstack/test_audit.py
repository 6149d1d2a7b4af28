"""The audit of dependencies: never green because nothing was asked."""

import sys
from pathlib import Path
from typing import Any

from devstack.audit import FAILED, PASSED, SKIPPED, Verdict, ask, ignored_in, judge, required
from devstack.checkout import CHECKOUT
from devstack.checks import SKIPPED_STATUS, Check, run

FINDING = {
    "id": "PYSEC-2026-1",
    "aliases": ["GHSA-aaaa", "CVE-1"],
    "fix_versions": ["2.0"],
    "description": "x",
}
CLEAN: dict[str, Any] = {"name": "clean", "version": "1.0", "vulns": []}
BAD: dict[str, Any] = {"name": "bad", "version": "1.0", "vulns": [FINDING]}
UNKNOWN: dict[str, Any] = {"name": "odd", "skip_reason": "not found on the index"}
OWN: dict[str, Any] = {"name": "eventrail-writer", "skip_reason": "not found on the index"}


def judged(*packages: dict[str, Any], **ignored: str) -> Verdict:
    return judge({"dependencies": list(packages), "fixes": []}, ignored)


def test_nothing_found() -> None:
    assert judged(CLEAN, OWN) == Verdict(PASSED, ("1 packages without known vulnerabilities",))


def test_a_finding_is_named_with_the_version_that_mends_it() -> None:
    assert judged(CLEAN, BAD) == Verdict(FAILED, ("bad 1.0: PYSEC-2026-1, mended in 2.0",))


def test_a_finding_may_be_ignored_by_each_of_its_names_for_a_reason() -> None:
    for name in ("PYSEC-2026-1", "CVE-1", "GHSA-aaaa"):
        assert judge({"dependencies": [BAD]}, {name: "only its server is concerned"}).status == PASSED
    assert judge({"dependencies": [BAD]}, {"CVE-2": "another"}).status == FAILED
    assert judge({"dependencies": [CLEAN]}, {"CVE-1": " "}).status == FAILED


def test_an_index_that_knows_nothing_is_no_success() -> None:
    verdict = judged(UNKNOWN, OWN)
    assert verdict.status == SKIPPED
    assert "none of 1 packages" in verdict.lines[0]
    assert judged().status == SKIPPED


def test_a_package_that_was_left_out_beside_others_is_named() -> None:
    assert judged(CLEAN, UNKNOWN) == Verdict(FAILED, ("odd: not found on the index",))


def test_where_it_is_required_a_skip_is_a_failure() -> None:
    skip = Verdict(SKIPPED, ("no network",))
    assert required(skip, {}) == skip
    assert required(skip, {"EVENTRAIL_AUDIT": "required"}).status == FAILED
    passed = Verdict(PASSED, ())
    assert required(passed, {"EVENTRAIL_AUDIT": "required"}) == passed


def test_a_tool_that_cannot_ask_says_why(tmp_path: Path) -> None:
    assert ask([str(tmp_path / "none")]) == f"{tmp_path / 'none'} is not installed"
    broken = "import sys; print('a trace', file=sys.stderr); sys.exit('no route to host')"
    assert ask([sys.executable, "-c", broken]) == "pip-audit could not ask: no route to host"
    assert ask([sys.executable, "-c", "import time; time.sleep(30)"], 0.2) == "no answer within 0.2 s"
    assert ask([sys.executable, "-c", "print('{\"dependencies\": []}')"]) == {"dependencies": []}


def test_what_is_ignored_in_this_checkout_has_its_reasons() -> None:
    assert all(reason.strip() for reason in ignored_in(CHECKOUT / "pyproject.toml").values())


def test_a_skipped_check_is_told_as_such() -> None:
    told: list[str] = []
    command = (sys.executable, "-c", f"print('no network'); raise SystemExit({SKIPPED_STATUS})")
    assert run([Check("dependencies", command, "")], told.append) == 0
    assert told == ["skip    dependencies: no network", "check: all passed"]


def test_the_two_numbers_are_one() -> None:
    assert SKIPPED == SKIPPED_STATUS
