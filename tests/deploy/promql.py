"""What an expression of Prometheus asks for: metrics, the labels it names, and the values that it compares with."""

from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, Expr, MatchOp, VectorSelector

from tests.deploy.families import Family

SCRAPED = frozenset({"job", "instance"})
"""Labels that Prometheus itself adds to each series that it reads."""


@dataclass(frozen=True)
class Asked:
    """A metric that an expression reads, with its matchers as (label, operator, value)."""

    series: str
    matchers: tuple[tuple[str, MatchOp, str], ...]


def parsed(expression: str) -> Expr:
    """The tree of `expression`. Raises ValueError where it is none."""
    tree: Expr = promql_parser.parse(expression)
    return tree


def nodes(tree: Expr) -> list[Expr]:
    """Every node, from the root down."""
    found: list[Expr] = []
    promql_parser.walk(tree, found.append)
    return found


def asked(tree: Expr) -> list[Asked]:
    """Every metric that is read."""
    return [
        Asked(node.name or "", tuple((one.name, one.op, one.value) for one in node.matchers.matchers))
        for node in nodes(tree)
        if isinstance(node, VectorSelector)
    ]


def complaints(expression: str, families: dict[str, Family], values: dict[str, frozenset[str]]) -> list[str]:
    """Why `expression` cannot work on `families`, which are by the names of their series; empty where it can.

    `values` are those that a label may have, empty where any is possible.
    """
    tree = parsed(expression)
    wanted = asked(tree)
    unknown = [f"no metric {one.series}" for one in wanted if one.series not in families]
    if unknown:
        return unknown
    return [*_wrong_matchers(wanted, families, values), *_wrong_groups(tree, families)]


def _labels(series: str, family: Family) -> frozenset[str]:
    return (
        frozenset(family.labels)
        | SCRAPED
        | (frozenset({"le"}) if series.endswith("_bucket") else frozenset())
    )


def _wrong_matchers(
    wanted: list[Asked], families: dict[str, Family], values: dict[str, frozenset[str]]
) -> Iterator[str]:
    for one in wanted:
        for label, op, value in one.matchers:
            if label not in _labels(one.series, families[one.series]):
                yield f"{one.series} has no label {label}"
            is_list = op in (MatchOp.Re, MatchOp.NotRe)
            known = values.get(label)
            for each in value.split("|") if is_list else [value]:
                if known and each not in known:
                    yield f"{label} is never {each!r}"


def _wrong_groups(tree: Expr, families: dict[str, Family]) -> Iterator[str]:
    """Labels of `by`, `without`, `on` and `ignoring` that nothing below them has."""
    for node in nodes(tree):
        named: list[str] = []
        if isinstance(node, AggregateExpr) and node.modifier:
            named = node.modifier.labels
        elif isinstance(node, BinaryExpr) and node.modifier and node.modifier.matching:
            named = node.modifier.matching.labels
        below = {label for one in asked(node) for label in _labels(one.series, families[one.series])}
        yield from (
            f"nothing in {node.prettify()} has a label {label}" for label in named if label not in below
        )
