"""Questions are read through eventrail.rows.reading; that nobody goes around it: tests/faults/once."""

import ast
import re
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import query_api
from eventrail.rows import property_sql
from eventrail.rows.reading import READING_SETTINGS, events_once
from query_api.events_table import needed, reading
from query_api.parameters import Parameters
from query_api.question.dimensions import DIMENSIONS
from query_api.question.filters import Condition, Operator, Property
from query_api.question.period import period
from query_api.question.selection import Selection

SELECTION = Selection("w", period("2026-02-01", "2026-02-28", ZoneInfo("UTC"), 0, None), left_out=())
SOURCES = sorted(Path(query_api.__file__).parent.rglob("*.py"))


SQL_ROOMS = {"events_table", "conditions", "grouping", "stepping", "dimensions"}


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
    statement = reading("x", "SELECT count() FROM matching", ["a", "b"], SELECTION, Parameters())
    conditions = statement.sql.partition(" WHERE ")[2].partition(")\nSELECT")[0]
    assert (
        statement.sql
        == f"WITH matching AS ({events_once(['a', 'b'], conditions)})\nSELECT count() FROM matching"
    )
    assert statement.settings is READING_SETTINGS


def test_what_a_caller_says_never_stands_in_the_sql() -> None:
    hostile = "x' OR 1=1 -- %(website_id)s"
    conditions = (
        Condition(Property(hostile), Operator.IS, (hostile,)),
        Condition(Property(hostile), Operator.GT, (1.0,)),
        Condition(DIMENSIONS["path"], Operator.CONTAINS, (hostile, hostile)),
    )
    selection = replace(SELECTION, website_id=hostile, conditions=conditions).of(hostile)
    statement = reading("x", "SELECT 1 FROM matching", ["a"], selection, Parameters())
    assert hostile not in statement.sql
    assert statement.parameters["event_name"] == hostile
    assert set(re.findall(r"%\((\w+)\)s", statement.sql)) == set(statement.parameters)


@pytest.mark.parametrize("left_out", [(), ("crawler",), ("crawler", "headless", "library")])
def test_kinds_of_bots_are_left_out_as_a_parameter(left_out: tuple[str, ...]) -> None:
    selection = replace(SELECTION, left_out=left_out)
    statement = reading("x", "SELECT 1 FROM matching", ["a"], selection, Parameters())
    assert ("bot_kind NOT IN %(left_out)s" in statement.sql) == bool(left_out)
    assert statement.parameters.get("left_out", ()) == left_out


def test_conditions_of_our_own_are_joined() -> None:
    selection = replace(SELECTION, event_type=None)
    sql = reading("x", "SELECT 1 FROM matching", ["a"], selection, Parameters(), ["path != ''"]).sql
    assert "path != '')" in sql
    assert "event_type" not in sql


def test_nothing_older_than_what_is_kept_is_read() -> None:
    kept = period("2026-01-01", "2026-03-01", ZoneInfo("UTC"), 1_772_712_000_000, 10)
    selection = SELECTION.within(kept)
    parameters = reading("x", "SELECT 1 FROM matching", ["a"], selection, Parameters()).parameters
    assert parameters["from_ms"] == kept.kept_ms > kept.from_ms


def test_the_columns_that_filters_need() -> None:
    names = [Condition(Property("a"), Operator.SET), Condition(DIMENSIONS["screen"], Operator.SET)]
    found = needed(replace(SELECTION, conditions=(*names, *names)))
    assert found == (*property_sql.COLUMNS, "screen_width", "screen_height")


def test_no_stray_percent_sign_meets_the_driver() -> None:
    for path in SOURCES:
        if path.parent.name == "queries" or path.stem in SQL_ROOMS:
            for text in texts(path.read_text()):
                assert "%" not in re.sub(r"%\(\w+\)s|%%", "", text), path
