import re
from pathlib import Path

import pytest

from collector import collect_page
from collector.payload.members import Member
from collector.refusals import KINDS
from eventrail import tokens

PAGE = Path(__file__).parents[2] / "docs" / "collect.md"
WRITE = "run: .venv/bin/python -m collector.collect_page docs/collect.md"


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert collect_page.filled(page) == page, WRITE


def test_the_page_names_every_field_and_every_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = [*Member.__struct_fields__, *KINDS, "ignored_fields", "adjusted", "durability", "token"]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_token_of_its_example_is_one() -> None:
    found = re.search(r'"token":"([^"]+)"', PAGE.read_text(encoding="utf-8"))
    assert found
    assert tokens.decode(found[1]) == {3: 1_000_000}


def test_every_refusal_is_a_row() -> None:
    rows = collect_page.refusals().splitlines()
    assert len(rows) == 2 + len(KINDS)
    assert rows[0] == "| status | code | retry | meaning |"
    assert any(row.startswith("| 503 | `unavailable` | yes | ") for row in rows)
    assert rows[2:] == sorted(rows[2:], key=lambda row: row[:5])


def test_it_writes_into_the_page_and_leaves_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    tables = "".join(f"<!-- {name} -->\nold\n<!-- end {name} -->\nx\n" for name in collect_page.TABLES)
    page.write_text(f"before\n{tables}after\n", encoding="utf-8")
    assert collect_page.main([str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- ")
    assert text.endswith("x\nafter\n")
    assert "old" not in text
    assert collect_page.refusals() in text


@pytest.mark.parametrize("page", ["", "<!-- limits -->\n", "<!-- limits -->\nx\n<!-- end refusals -->"])
def test_a_page_without_the_marks_is_named(page: str) -> None:
    with pytest.raises(ValueError, match="no lines <!-- limits -->"):
        collect_page.filled(page)


def test_it_wants_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert collect_page.main([]) == 2
    assert "usage" in capsys.readouterr().err
