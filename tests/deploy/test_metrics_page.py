"""docs/metrics.md lists what the services register, and what they register is named by Prometheus' conventions."""

import re

from collector.refusals import KINDS
from eventrail.contract.ledger import KEYS
from eventrail.rejected.names import REASONS
from tests.deploy import metrics_page
from tests.deploy.families import Family
from tests.deploy.promql import complaints

SECTIONS = {
    "collector": "Collector",
    "enricher": "Enricher",
    "writer": "Writer",
    "query-api": "Query API",
    "auditor": "Auditor",
    "canary": "Canary",
}
SHARED = "Every service"
OTHER_UNITS = (
    "milliseconds",
    "ms",
    "minutes_total",
    "hours",
    "kilobytes",
    "kb",
    "mb",
    "mebibytes",
    "percent",
)


def test_the_page_lists_what_is_registered_and_nothing_else(registered: dict[str, list[Family]]) -> None:
    shared = [{family.name for family in registered[service]} for service in ("collector", "query-api")]
    common = set.intersection(*shared)
    real = {
        (SHARED if family.name in common else SECTIONS[service], family.name, family.kind, family.labels)
        for service, found in registered.items()
        for family in found
    }
    told = [(row.section, row.name, row.kind, row.labels) for row in metrics_page.rows()]
    assert len(told) == len(set(told))
    assert set(told) == real


def test_each_row_says_what_the_figure_means() -> None:
    for row in metrics_page.rows():
        assert len(row.meaning) > 12, row.name


def test_names_follow_the_conventions(registered: dict[str, list[Family]]) -> None:
    for family in _all(registered):
        assert re.fullmatch(r"eventrail(_[a-z]+)+", family.name), family.name
        assert family.name.endswith("_total") == (family.kind == "counter"), family.name
        assert not family.name.endswith(("_count", "_sum", "_bucket", "_info_total")), family.name
        assert not any(family.name.endswith(f"_{unit}") for unit in OTHER_UNITS), family.name
        assert family.text.endswith("."), family.name
        for unit in ("seconds", "bytes"):
            if family.text.lower().startswith(f"{unit} "):
                assert unit in family.name, family.name


def test_one_idea_has_one_name(registered: dict[str, list[Family]]) -> None:
    """What is called the same in two services is of the same type, and told apart by labels that one list knows."""
    kinds: dict[str, set[str]] = {}
    for service, found in registered.items():
        for family in found:
            idea = family.name.removeprefix(f"eventrail_{service.replace('-', '_')}_")
            kinds.setdefault(idea, set()).add(family.kind)
    assert [idea for idea, found in kinds.items() if len(found) > 1] == []
    # The other way round: names of the same words in another order are one idea under two names.
    names = {family.name for family in _all(registered)}
    assert len({tuple(sorted(name.split("_"))) for name in names}) == len(names)


def test_the_page_explains_each_label(registered: dict[str, list[Family]]) -> None:
    told = metrics_page.labels()
    assert set(told) == {label for family in _all(registered) for label in family.labels}
    assert set(REASONS) <= told["reason"]
    assert set(KINDS) <= told["code"]
    assert {outcome for _stage, outcome in KEYS} <= told["outcome"]
    assert {stage for stage, _outcome in KEYS} == told["stage"]
    assert set(SECTIONS) == told["service"]


def _all(registered: dict[str, list[Family]]) -> list[Family]:
    return [family for found in registered.values() for family in found]


def test_the_ready_questions_can_be_asked(exposed: dict[str, Family]) -> None:
    expressions = metrics_page.expressions()
    assert len(expressions) >= 9
    for expression in expressions:
        assert complaints(expression, exposed, metrics_page.labels()) == [], expression
