"""Which paths lead away from something that happened, or up to it, as a tree in which everything adds up.

Of each session (visitor) the first event in the period that is the anchor counts; its path are the events of the same
session on the one side of it, nearest first. The order is that of time; of events of one millisecond that in which they
were taken in (so a batch keeps its own order), and of those that even that does not tell apart, that of their nodes.

A node is a custom event by its name, or a page view by its path. Where repeats collapse, a row of equal nodes is one
node, also one that begins with the anchor's own. A path ends where its session (in the period) does.

Each node has its most frequent children; `rest` are the paths that go on otherwise (at the last level: that go on),
`ended` those that do not go on. So a node's children, rest and ended add up to its count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from query_api import following
from query_api.events_table import Statement, needed, reading
from query_api.following import CLIENTS_ONLY, is_somebody, who
from query_api.happenings import columns, happens
from query_api.parameters import Parameters
from query_api.question.happenings import Kind
from query_api.question.journeys import Direction, JourneyQuestion

MAX_NODES: Final = 5_000
"""Nodes of one answer: the most frequent ones; what is behind them is in the `rest` of their parents."""

_PAGE: Final = "p"
_EVENT: Final = "e"

_BODY: Final = """
SELECT prefix, sum(followed) AS count, sumIf(followed, length(prefix) = whole) AS ended
FROM
(
    SELECT arraySlice(nodes, 1, %(depth)s) AS path, length(nodes) AS whole, count() AS followed
    FROM
    (
        SELECT {nodes} AS nodes
        FROM
        (
            SELECT
                arraySort(groupArray((timestamp, raw_offset, raw_index, node, anchor))) AS happened,
                arrayFirstIndex(event -> event.5 = 1, happened) AS place
            FROM matching
            GROUP BY who
            HAVING max(anchor) = 1
        )
    )
    GROUP BY path, whole
)
ARRAY JOIN arrayMap(level -> arraySlice(path, 1, level), range(length(path) + 1)) AS prefix
GROUP BY prefix
ORDER BY count DESC, length(prefix), prefix
LIMIT %(limit)s BY length(prefix), arrayPopBack(prefix)
LIMIT %(nodes)s
"""
_SIDES: Final = {
    Direction.AFTER: "arraySlice(happened, place + 1)",
    Direction.BEFORE: "arrayReverse(arraySlice(happened, 1, place - 1))",
}

Row = tuple[Sequence[str], int, int]
"""The nodes from the anchor on, how many have them, how many have nothing behind them."""


def statement(question: JourneyQuestion) -> Statement:
    """Rows by count descending, so that each comes behind its parent; that of the anchor itself has no nodes."""
    parameters = Parameters()
    parameters.put("depth", question.depth)
    parameters.put("limit", question.limit)
    parameters.put("nodes", MAX_NODES + 2)
    body = _BODY.format(nodes=_nodes(question))
    read = [
        f"{who(question.by)} AS who",
        f"if(event_type = 'pageview', concat('{_PAGE}', path), concat('{_EVENT}', event_name)) AS node",
        f"{happens(question.anchor, parameters)} AS anchor",
        "timestamp",
        "raw_offset",
        "raw_index",
        *columns([question.anchor]),
        *needed(question.selection),
    ]
    where = [is_somebody(question.by), *([CLIENTS_ONLY] if question.clients_only else [])]
    return reading("journeys", body, list(dict.fromkeys(read)), question.selection, parameters, where)


def _nodes(question: JourneyQuestion) -> str:
    nodes = f"arrayMap(event -> event.4, {_SIDES[question.direction]})"
    if not question.collapse_repeats:
        return nodes
    return f"arrayPopFront(arrayCompact(arrayPushFront({nodes}, happened[place].4)))"


def left_out_statement(question: JourneyQuestion) -> Statement:
    """Whom the question leaves out: rows for `following.left_out`."""
    return following.left_out_statement(question.selection, question.anchor)


@dataclass
class _Node:
    """One node of the tree while it is put together."""

    count: int
    ended: int
    children: dict[str, "_Node"] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Its part of the answer."""
        shown = sum(child.count for child in self.children.values())
        return {
            "count": self.count,
            "children": [{**_named(text), **child.told()} for text, child in self.children.items()],
            "rest": self.count - self.ended - shown,
            "ended": self.ended,
        }


def answer(question: JourneyQuestion, rows: Sequence[Row]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`data`: the anchor's node, and what `meta` says: whether there were too many nodes."""
    root = _Node(0, 0)
    tree: dict[tuple[str, ...], _Node] = {(): root}
    for prefix, count, ended in rows[: MAX_NODES + 1]:
        _put(tree, tuple(prefix), count, ended)
    data = {**question.anchor.told(), **root.told()}
    return data, {"truncated": len(rows) > MAX_NODES + 1}


def _put(tree: dict[tuple[str, ...], _Node], path: tuple[str, ...], count: int, ended: int) -> None:
    if not path:
        tree[path].count, tree[path].ended = count, ended
    elif path[:-1] in tree:
        # Where it is not, the parent is in the rest of its own parent.
        tree[path] = tree[path[:-1]].children[path[-1]] = _Node(count, ended)


def _named(text: str) -> Mapping[str, str]:
    kind = Kind.PAGE if text.startswith(_PAGE) else Kind.EVENT
    return {"type": kind.value, "name": text[1:]}
