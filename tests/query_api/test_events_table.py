"""Every answer is read with FINAL, across partitions, in one place."""

import ast
import re
from datetime import date
from pathlib import Path

import pytest

import query_api
from query_api import events_table
from query_api.events_table import READING_SETTINGS, reading
from query_api.question import Period

PERIOD = Period(date(2026, 2, 1), date(2026, 2, 28))
SOURCES = sorted(Path(query_api.__file__).parent.rglob("*.py"))
READS_THE_TABLE = re.compile(r"\b(?:from|join|table|into|update)\s+(?:\w+\.)?events\b", re.IGNORECASE)
PROSE = re.compile(r"ClickHouse has no table events yet|EXISTS TABLE events")


def texts(source: str) -> list[str]:
    """All string literals of a module that are no docstrings."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree)
                  if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)}  # fmt: skip
    constants = (
        node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings
    )
    return [node.value for node in constants if isinstance(node.value, str)]


def reads(source: str) -> list[str]:
    return [text for text in texts(source) if READS_THE_TABLE.search(PROSE.sub("", text))]


def test_only_this_place_reads_the_table() -> None:
    readers = {path.name for path in SOURCES if reads(path.read_text())}
    assert readers == {"events_table.py"}


def test_a_query_that_goes_around_it_is_found() -> None:
    assert reads('SQL = "SELECT count()\\nFROM  events WHERE 1"')
    assert reads('SQL = f"select {x} from eventrail.events"')


@pytest.mark.parametrize("folder", ["queries"])
def test_every_query_selects_from_matching_and_builds_its_statement_here(folder: str) -> None:
    rooms = [path for path in SOURCES if path.parent.name == folder and path.name != "__init__.py"]
    assert rooms
    for path in rooms:
        source = path.read_text()
        assert any("FROM matching" in text for text in texts(source)), path
        assert "Statement(" not in source, path


def test_the_statement_reads_final_with_the_settings_that_make_it_exact() -> None:
    statement = reading(
        "x", "SELECT count() FROM matching", columns=["a", "b"], website_id="w", period=PERIOD, left_out=()
    )
    assert statement.sql.startswith("WITH matching AS (SELECT a, b FROM events FINAL WHERE ")
    assert statement.sql.count("FROM events") == 1
    assert statement.settings == READING_SETTINGS == {
        "do_not_merge_across_partitions_select_final": 0,
        "use_skip_indexes_if_final": 1,
        "use_skip_indexes_if_final_exact_mode": 1,
        "optimize_move_to_prewhere_if_final": 0,
    }  # fmt: skip


def test_what_a_caller_says_never_stands_in_the_sql() -> None:
    hostile = "x' OR 1=1 -- %(website_id)s"
    statement = reading(
        "x",
        "SELECT 1 FROM matching",
        columns=["a"],
        website_id="w",
        period=PERIOD,
        left_out=("crawler",),
        event_name=hostile,
    )
    assert hostile not in statement.sql
    assert statement.parameters["event_name"] == hostile
    assert set(re.findall(r"%\((\w+)\)s", statement.sql)) == set(statement.parameters)


@pytest.mark.parametrize("left_out", [(), ("crawler",), ("crawler", "headless", "library")])
def test_kinds_of_bots_are_left_out_as_a_parameter(left_out: tuple[str, ...]) -> None:
    statement = reading(
        "x", "SELECT 1 FROM matching", columns=["a"], website_id="w", period=PERIOD, left_out=left_out
    )
    assert ("bot_kind NOT IN %(left_out)s" in statement.sql) == bool(left_out)
    assert statement.parameters.get("left_out", ()) == left_out


def test_no_stray_percent_sign_meets_the_driver() -> None:
    for path in SOURCES:
        if path.parent.name == "queries" or path.name == events_table.__name__.rpartition(".")[2] + ".py":
            for text in texts(path.read_text()):
                assert "%" not in re.sub(r"%\(\w+\)s", "", text), path
