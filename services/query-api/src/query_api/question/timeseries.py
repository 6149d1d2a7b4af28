"""How often an event happened, step by step (spec "Event Time Series")."""

from dataclasses import dataclass
from typing import Final

from query_api.question.fields import COMMON_FIELDS, WAITING_FIELDS, count, event_name, included, selection
from query_api.question.filters import Field, require_field
from query_api.question.given import Given
from query_api.question.granularity import Buckets, buckets, granularity_of, week_start_of
from query_api.question.selection import Context, Selection

FIELDS: Final = (
    "event_name",
    "granularity",
    "week_start",
    *COMMON_FIELDS,
    "include",
    "breakdown",
    "limit",
    *WAITING_FIELDS,
)
INCLUDES: Final = ("visitors", "previous")
DEFAULT_SERIES: Final = 10
MAX_SERIES: Final = 50


@dataclass(frozen=True)
class TimeseriesQuestion:
    """An event in steps; with `breakdown`, one series for each of its `limit` most frequent values as well.

    `previous` are the steps of the period before, where they were asked for.
    """

    selection: Selection
    buckets: Buckets
    previous: Buckets | None
    visitors: bool
    breakdown: Field | None
    limit: int


def ask(given: Given, context: Context) -> TimeseriesQuestion:
    """The question. Raises Invalid."""
    name = event_name(given)
    granularity, week_start = granularity_of(given.one("granularity")), week_start_of(given.one("week_start"))
    chosen = selection(given, context).of(name)
    steps = buckets(granularity, chosen.period, week_start, context.limits.points)
    include = included(given, INCLUDES)
    before = chosen.period.previous()
    breakdown = given.one("breakdown")
    return TimeseriesQuestion(
        chosen,
        steps,
        buckets(steps.granularity, before, week_start, context.limits.points + 100)
        if "previous" in include
        else None,
        "visitors" in include,
        None if breakdown is None else require_field(breakdown, "breakdown"),
        count(given, "limit", DEFAULT_SERIES, MAX_SERIES),
    )
