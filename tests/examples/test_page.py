"""docs/subscribe.md links each example, and each is run by the test that stands beside it."""

import re
from pathlib import Path

from tests.examples.subscriber import EXAMPLES

DOCS = EXAMPLES.parents[1] / "docs"
SECTION = (DOCS / "subscribe.md").read_text().split("## Examples\n")[1].split("\n## ")[0]
ROWS = re.findall(r"^\| \[.+?\]\((.+?)\) \|.*`(tests/[\w/]+\.py)::\w+` \|$", SECTION, re.MULTILINE)


def test_each_example_is_linked() -> None:
    linked = [(DOCS / link).resolve() for link, _ in ROWS]
    assert all(path.is_file() for path in linked)
    assert sorted(path.parent.name for path in linked) == sorted(
        path.name for path in EXAMPLES.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def test_each_is_run_by_a_test_of_its_name() -> None:
    assert [Path(test).stem for _, test in ROWS] == [f"test_{Path(link).parent.name}" for link, _ in ROWS]
