"""docs/data-through.md names what there is."""

import json
import re

from prometheus_client import CollectorRegistry

from devstack.checkout import CHECKOUT
from eventrail.checkpoints import Span
from eventrail.kafka.acls import DEFAULT_PRINCIPAL, ROLES
from eventrail.settings import variable
from eventrail.spools.command import lines
from eventrail.spools.reports import Spool
from query_api.metrics import Metrics
from query_api.progress.holders import holders
from query_api.progress.survey import Survey
from query_api.progress.token import DEFAULT_WAIT_SECONDS, LONGEST_WAIT_SECONDS
from query_api.progress.tracked import HELD_SECONDS
from query_api.progress.tracker import Tracker
from query_api.progress.watching import AWAY
from query_api.routes.lag import LagAnswer
from query_api.settings import QueryApiSettings

PAGE = (CHECKOUT / "docs/data-through.md").read_text(encoding="utf-8")


def held(raw_end: int, committed: int) -> str:
    tracker = Tracker()
    spans = {3: Span(0, raw_end)}
    tracker.take(Survey(1, 0, (), spans, {3: committed}, {}, {}))
    (line,) = holders(tracker, 0)
    return line


def test_the_example_is_an_answer() -> None:
    (example,) = re.findall(r"pipeline/lag\n(.*?)\n```", PAGE, re.DOTALL)
    told = LagAnswer.model_validate(json.loads(example)).data
    partition = told.enricher.partitions[0]
    assert told.held_by == [held(partition.end, partition.committed or 0)]


def test_the_lines_are_those_that_are_written() -> None:
    spool = Spool("ID", "HOST", 12, 0)
    tracker = Tracker()
    tracker.take(Survey(1, 0, (spool,), {}, {}, {}, {}))
    for line in (*holders(tracker, 86_400_000), *holders(tracker, 1000), AWAY):
        assert f"| `{line}` |" in PAGE
    listed = lines([Spool("5f0c2a9e71d3b846", "collector-0", 12, 0)], 86_400_000)
    assert "\n".join(listed) in PAGE


def test_settings_metrics_and_bounds() -> None:
    for name in ("survey_seconds", "enricher_group", "writer_group"):
        default = QueryApiSettings.model_fields[name].default
        assert re.search(rf"\| `{variable(QueryApiSettings, name)}` \| `?{default}`? \|", PAGE)
    registry = CollectorRegistry()
    Metrics(registry)
    there = {f"{one.name}{'_total' if one.type == 'counter' else ''}" for one in registry.collect()}
    assert set(re.findall(r"eventrail_query_api_\w+", PAGE)) <= there
    assert f"default {DEFAULT_WAIT_SECONDS}, at most {LONGEST_WAIT_SECONDS}" in PAGE
    assert f"not moved for {HELD_SECONDS:g} s" in PAGE
    assert DEFAULT_PRINCIPAL.removeprefix("User:").format(role=ROLES[ROLES.index("query-api")]) in PAGE
