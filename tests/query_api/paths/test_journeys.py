"""Journeys on the real engine agree with plain Python that writes every path down."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import httpx
import pytest
from clickhouse_driver import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.query_api.paths.happened import (
    BASE_MS,
    HAPPENINGS,
    Event,
    Fits,
    events,
    insert,
    left_out,
    post,
)

pytestmark = pytest.mark.stack

Name = tuple[str, str]
Path = tuple[Name, ...]


def name(event: Event) -> Name:
    return ("page", event.path) if event.is_page else ("event", event.name)


def paths(found: Sequence[Event], anchor: Fits, question: dict[str, Any]) -> list[Path]:
    """The path of each session (visitor) that has the anchor, without the anchor itself."""
    by_visitor = question.get("by") == "visitor"
    everyone: dict[Any, list[Event]] = {}
    for event in found:
        if event.visitor and not (by_visitor and event.source != "client"):
            everyone.setdefault(event.visitor if by_visitor else event.session, []).append(event)
    made = []
    for mine in everyone.values():
        mine.sort(key=lambda event: (event.at_ms, event.offset, event.index, name(event), anchor(event)))
        place = next((place for place, event in enumerate(mine) if anchor(event)), None)
        if place is None:
            continue
        side = mine[place::-1] if question.get("direction") == "before" else mine[place:]
        nodes = [name(event) for event in side]
        if question.get("collapse_repeats", True):
            nodes = [node for node, _ in groupby(nodes)]
        made.append(tuple(nodes[1:]))
    return made


def tree(rest: Sequence[Path], depth: int, limit: int) -> dict[str, Any]:
    """The node that all of `rest` go on from."""
    ended = [path for path in rest if not path]
    branches: dict[Name, list[Path]] = {}
    for path in rest:
        if path and depth:
            branches.setdefault(path[0], []).append(path[1:])
    first = sorted(branches, key=lambda node: (-len(branches[node]), node))[:limit]
    children = [
        {"type": node[0], "name": node[1], **tree(branches[node], depth - 1, limit)} for node in first
    ]
    shown = sum(child["count"] for child in children)
    return {
        "count": len(rest),
        "children": children,
        "rest": len(rest) - len(ended) - shown,
        "ended": len(ended),
    }


def require_sums(node: dict[str, Any]) -> None:
    children = sum(child["count"] for child in node["children"])
    assert node["count"] == children + node["rest"] + node["ended"]
    assert min(node["rest"], node["ended"]) >= 0
    for child in node["children"]:
        require_sums(child)


@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    found=events(st.integers(0, 5).map(BASE_MS.__add__), most=20),
    anchor=st.sampled_from(list(HAPPENINGS)),
    question=st.fixed_dictionaries(
        {"depth": st.integers(1, 5), "limit": st.integers(1, 3)},
        optional={
            "direction": st.sampled_from(["after", "before"]),
            "by": st.sampled_from(["session", "visitor"]),
            "collapse_repeats": st.booleans(),
        },
    ),
)
async def test_any_events_from_any_anchor(
    found: list[Event], anchor: str, question: dict[str, Any], api: httpx.AsyncClient, table: Client
) -> None:
    said, fits = HAPPENINGS[anchor]
    answer = await post(api, insert(table, found), "journeys", {"anchor": said, **question})
    root = {"type": "page" if "page" in said else "event", "name": said.get("page", said.get("event_name"))}
    expected = tree(paths(found, fits, question), question["depth"], question["limit"])
    assert answer["data"] == {**root, **expected}
    assert answer["meta"]["truncated"] is False
    assert answer["meta"].get("left_out") == (
        left_out(found, fits) if question.get("by") == "visitor" else None
    )
    require_sums(answer["data"])
