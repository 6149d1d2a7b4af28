"""Each expression of each Grafana dashboard can be asked, and the panels stand side by side."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import metrics_page
from tests.deploy.families import Family
from tests.deploy.promql import complaints

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
each = pytest.mark.parametrize("board", DASHBOARDS.values(), ids=DASHBOARDS)


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that show figures."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def test_there_is_one() -> None:
    assert "river" in DASHBOARDS
    assert len({board["uid"] for board in DASHBOARDS.values()}) == len(DASHBOARDS)


@each
def test_each_expression_can_be_asked(board: dict[str, Any], exposed: dict[str, Family]) -> None:
    for panel in panels(board):
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            # Grafana puts a duration there; one is as good as another for what is asked.
            expression = target["expr"].replace("$__rate_interval", "5m")
            assert complaints(expression, exposed, metrics_page.labels()) == [], panel["title"]


@each
def test_a_legend_names_labels_that_its_expression_leaves(board: dict[str, Any]) -> None:
    for target in (target for panel in panels(board) for target in panel["targets"]):
        left = re.match(r"\w+ by \(([^)]*)\)|histogram_quantile\([\d.]+, sum by \(([^)]*)\)", target["expr"])
        kept = set(re.findall(r"\w+", " ".join(filter(None, left.groups())))) if left else set()
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) == kept - {"le"}, target["expr"]


@each
def test_each_panel_says_what_it_shows(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in ("s", "none"), panel["title"]


@each
def test_every_source_is_the_one_that_is_chosen(board: dict[str, Any]) -> None:
    [variable] = board["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    chosen = {"type": "prometheus", "uid": f"${{{variable['name']}}}"}
    for panel in panels(board):
        assert all(one["datasource"] == chosen for one in [panel, *panel["targets"]])


@each
def test_panels_do_not_overlap(board: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
