"""Each alert rule can be evaluated, says how bad it is, and has an entry in the runbook that names what exists."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.deploy import metrics_page
from tests.deploy.families import Family
from tests.deploy.promql import complaints
from tests.deploy.test_compose import known_variables

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_is_whole(rule: dict[str, Any], exposed: dict[str, Family]) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Eventrail([A-Z][a-z]+)+", rule["alert"])
    assert timedelta() <= _duration(rule["for"]) <= timedelta(hours=1)
    assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"})
    assert rule["annotations"].keys() == {"summary", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert complaints(rule["expr"], exposed, metrics_page.labels()) == []


def _duration(text: str) -> timedelta:
    # The parser of durations knows no zero.
    return timedelta() if text == "0m" else promql_parser.parse_duration(text)


def test_a_summary_names_labels_that_the_expression_leaves() -> None:
    for rule in ALERTS:
        for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
            assert f"by ({label})" in rule["expr"] or f'{label}="' in rule["expr"], rule["alert"]


def test_each_alert_has_an_entry_and_each_entry_an_alert() -> None:
    names = [rule["alert"] for rule in ALERTS]
    assert list(ENTRIES) == names
    assert len(set(names)) == len(names)
    assert len({group["name"] for group in RULES["groups"]}) == len(RULES["groups"])


@pytest.mark.parametrize("alert", [rule["alert"] for rule in ALERTS])
def test_an_entry_says_what_it_means_what_to_look_at_and_what_to_do(alert: str) -> None:
    entry = ENTRIES[alert]
    meaning, look, action = (entry.find(f"**{part}:**") for part in ("Means", "Look", "Do"))
    assert 0 < meaning < look < action
    assert "```sh\n" in entry[look:action]


def test_the_runbook_names_what_exists(exposed: dict[str, Family]) -> None:
    for variable in re.findall(r"`(EVENTRAIL_[A-Z_]+)`", RUNBOOK):
        if not variable.endswith("_"):
            assert variable in known_variables(), variable
    for link in re.findall(r"\]\(([^)#:]+)", RUNBOOK):
        assert (ROOT / "docs" / link).exists(), link
    headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in ENTRIES}
    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK)) <= headings
    for port, quoted, plain in re.findall(r"localhost:(\d+)/metrics \| grep (?:-E '([^']+)'|(\w+))", RUNBOOK):
        # Alternatives within parentheses belong to one word.
        for word in re.split(r"\|(?![^(]*\))", quoted or plain):
            assert any(re.search(word, name) for name in _of_port(port, exposed)), f"{port}: {word}"


def _of_port(port: str, exposed: dict[str, Family]) -> list[str]:
    service = {
        "8400": "collector",
        "8401": "query_api",
        "8402": "enricher",
        "8403": "writer",
        "8404": "auditor",
        "8405": "canary",
    }[port]
    return [name for name in exposed if name.startswith(f"eventrail_{service}_")]
