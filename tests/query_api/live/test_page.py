"""docs/live.md names every message, reason, setting and metric that there is."""

import re
from pathlib import Path

import pytest

from eventrail import metrics
from eventrail.settings import variable
from query_api.live import frames, position
from query_api.live.metrics import LiveMetrics
from query_api.question.live import FIELDS
from query_api.settings import QueryApiSettings

PAGE = (Path(__file__).parents[3] / "docs/live.md").read_text(encoding="utf-8")


def rows(heading: str) -> set[str]:
    """What stands in backticks in the first column of the tables under a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    first = " ".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE))
    return set(re.findall(r"`([^`]+)`", first))


def test_messages() -> None:
    made = [frames.event("{}", "x"), frames.reset("gap", "x"), frames.lagged(1, "x"), frames.waiting("x")]
    assert rows("Messages") == {one.decode().partition("event: ")[2].partition("\n")[0] for one in made} | {
        "event:"
    }
    assert f"`retry: {frames.RETRY_MS}`" in PAGE


def test_reasons() -> None:
    assert rows("Ids") - {"reason"} == set(frames.RESET_REASONS)


def test_settings() -> None:
    names = [name for name in QueryApiSettings.model_fields if name.startswith("live_")]
    prefix = "EVENTRAIL_QUERY_API_"
    there = {variable(QueryApiSettings, name).removeprefix(prefix) for name in names}
    assert rows("Bounds") - {f"{prefix}…"} == there


def test_metrics() -> None:
    made = LiveMetrics(metrics.registry("query-api"))
    found = {family.name for one in vars(made).values() for family in one.collect()}
    assert {
        name for name in found if f"_{name.partition('query_api_')[2]}" not in PAGE and name not in PAGE
    } == set()


@pytest.mark.parametrize("field", FIELDS)
def test_parameters(field: str) -> None:
    assert f"`{field}`" in PAGE


def test_the_id_of_the_example_is_one() -> None:
    [example] = re.findall(r"Last-Event-ID: (\S+)'", PAGE)
    assert position.decode(example).offsets
