"""Questions are read through eventrail.rows.reading; that nobody goes around it: tests/faults/once."""

import ast
import re
from datetime import date
from pathlib import Path

import pytest

import query_api
from eventrail.rows.reading import READING_SETTINGS, events_once
from query_api import events_table
from query_api.events_table import reading
from query_api.question import Period

PERIOD = Period(date(2026, 2, 1), date(2026, 2, 28))
SOURCES = sorted(Path(query_api.__file__).parent.rglob("*.py"))


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


@pytest.mark.parametrize("name", ["events", "properties", "timeseries"])
def test_every_question_selects_from_matching_and_builds_its_statement_here(name: str) -> None:
    [source] = [path.read_text() for path in SOURCES if path.parent.name == "queries" and path.stem == name]
    assert any("FROM matching" in text for text in texts(source))
    assert "Statement(" not in source


def test_the_statement_reads_final_with_the_settings_that_make_it_exact() -> None:
    statement = reading(
        "x", "SELECT count() FROM matching", columns=["a", "b"], website_id="w", period=PERIOD, left_out=()
    )
    conditions = statement.sql.partition(" WHERE ")[2].partition(")\n")[0]
    assert (
        statement.sql
        == f"WITH matching AS ({events_once(['a', 'b'], conditions)})\nSELECT count() FROM matching"
    )
    assert statement.settings is READING_SETTINGS


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
