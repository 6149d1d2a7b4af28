"""What docs/subscribe.md says of `contract verify` is what the code does."""

import re
from pathlib import Path

from eventrail.conformance import command
from eventrail.conformance.findings import RULES
from eventrail.conformance.judge import CLOCKS_MS

PAGE = (Path(__file__).parents[3] / "docs" / "subscribe.md").read_text()
SECTION = PAGE.split("## Verify a topic\n")[1].split("\n## ")[0]


def test_the_rules_are_those_of_the_page() -> None:
    assert re.findall(r"^\| `(\w+)` \| (.+) \|$", SECTION, re.MULTILINE) == [
        (str(rule), meaning) for rule, meaning in RULES.items()
    ]


def test_the_figures_are_those_of_the_page() -> None:
    assert f"the newest {command.LAST:,} records of each partition" in SECTION
    assert f"Clocks may lie {CLOCKS_MS // 60_000} minutes apart" in SECTION
    statuses = [int(status) for status in re.findall(r"^\| (\d) \|", SECTION, re.MULTILINE)]
    assert statuses == [command.KEPT, 1, 2, command.BROKEN, command.NOTHING_READ]
