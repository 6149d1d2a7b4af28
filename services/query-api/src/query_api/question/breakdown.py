"""Any metrics of events by up to three fields, and by time: `POST .../events/query`."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final

from query_api.errors import Invalid, shown
from query_api.question.fields import COMMON_FIELDS, WAITING_FIELDS, count, kind_and_name, selection
from query_api.question.filters import Field, Property, require_field
from query_api.question.given import Given, from_document
from query_api.question.granularity import Buckets, buckets, granularity_of, week_start_of
from query_api.question.selection import Context, EventType, Selection

FIELDS: Final = (
    "event_name",
    "event_type",
    "granularity",
    "week_start",
    *COMMON_FIELDS,
    "limit",
    *WAITING_FIELDS,
)
OWN: Final = ("metrics", "group_by", "order_by")

MAX_FIELDS: Final = 3
MAX_METRICS: Final = 20
DEFAULT_GROUPS: Final = 100

COUNTS: Final = ("count", "visitors", "sessions")
"""Metrics without a field: events, different visitor ids, different sessions."""

LEVELS: Final = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""Percentiles: exact, with linear interpolation between the two nearest values (PERCENTILE.INC)."""

STATISTICS: Final = ("numbers", "sum", "average", "min", "max", *LEVELS)
"""Metrics of the numbers of a property; `numbers` is how many there are."""


@dataclass(frozen=True)
class Metric:
    """What is reckoned for each group; `field` only with STATISTICS."""

    statistic: str
    field: Property | None = None

    @cached_property
    def name(self) -> str:
        """How an answer calls it."""
        return self.statistic if self.field is None else f"{self.statistic}({self.field.name})"

    @property
    def weight(self) -> int:
        """How many cells one value of it counts for: an answer repeats the name with each."""
        return 1 + len(self.name) // 64

    @property
    def adds_up(self) -> bool:
        """Whether the value of two groups together is the sum of theirs, exactly (sums of doubles are not)."""
        return self.statistic in ("count", "numbers")


@dataclass(frozen=True)
class BreakdownQuestion:
    """`metrics` of the `limit` groups by `fields` that come first by the metric `order_by`, and of all others.

    With `buckets` step by step as well.
    """

    selection: Selection
    metrics: tuple[Metric, ...]
    fields: tuple[Field, ...]
    buckets: Buckets | None
    order_by: Metric
    descending: bool
    limit: int


def ask(document: Mapping[str, Any], context: Context) -> tuple[BreakdownQuestion, Given]:
    """The question of a JSON body. Raises Invalid."""
    given = from_document(document, FIELDS, OWN)
    metrics = _metrics(document.get("metrics", ["count"]))
    fields = _fields(document.get("group_by", []))
    order_by, descending = _order(document.get("order_by"), metrics)
    chosen = _selection(given, context)
    weight = sum(metric.weight for metric in metrics)
    most = max(1, min(context.limits.groups, context.limits.cells // weight))
    limit = count(given, "limit", min(DEFAULT_GROUPS, most), most)
    steps = _steps(given, chosen, context, (limit + 1 if fields else 1) * weight)
    return BreakdownQuestion(chosen, metrics, fields, steps, order_by, descending, limit), given


def _selection(given: Given, context: Context) -> Selection:
    event_type, name = kind_and_name(given, EventType.CUSTOM)
    return selection(given, context, event_type).of(name)


def _steps(given: Given, chosen: Selection, context: Context, cells: int) -> Buckets | None:
    """The steps of time; each has `cells`."""
    granularity, week_start = given.one("granularity"), week_start_of(given.one("week_start"))
    if granularity is None:
        return None
    most = min(context.limits.points, context.limits.cells // cells)
    return buckets(granularity_of(granularity), chosen.period, week_start, max(most, 1))


def _metrics(given: Any) -> tuple[Metric, ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_METRICS:
        raise Invalid(
            f'metrics must be a list of 1 to {MAX_METRICS}, such as ["count", "visitors"]', "metrics"
        )
    found = tuple(_metric(item, f"metrics[{index}]") for index, item in enumerate(given))
    if len(set(found)) < len(found):
        raise Invalid("metrics has one of them twice", "metrics")
    return found


def _metric(item: Any, place: str) -> Metric:
    if isinstance(item, str):
        if item in COUNTS:
            return Metric(item)
        if item in STATISTICS:
            raise Invalid(
                f'{place}: {item} needs a property: {{"statistic": "{item}", "field": "prop.amount"}}', place
            )
        raise Invalid(f"{place}: unknown metric {shown(item)}{_offer(item, COUNTS)}", place)
    if not isinstance(item, dict) or item.keys() != {"statistic", "field"}:
        raise Invalid(
            f'{place} must be one of {", ".join(COUNTS)}, or such as {{"statistic": "sum", "field": "prop.amount"}}',
            place,
        )
    statistic = item["statistic"]
    if not isinstance(statistic, str) or statistic not in STATISTICS:
        offer = (
            _offer(statistic, STATISTICS)
            if isinstance(statistic, str)
            else f"; known: {', '.join(STATISTICS)}"
        )
        raise Invalid(f"{place}.statistic: unknown statistic{offer}", f"{place}.statistic")
    field = require_field(item["field"], f"{place}.field")
    if not isinstance(field, Property):
        raise Invalid(
            f"{place}.field must be a property (prop.KEY); {field.name} is a text", f"{place}.field"
        )
    return Metric(statistic, field)


def _offer(given: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(given, known, n=1)
    return f"; do you mean {near[0]}?" if near else f"; known: {', '.join(known)}"


def _fields(given: Any) -> tuple[Field, ...]:
    if not isinstance(given, list) or len(given) > MAX_FIELDS:
        raise Invalid(
            f'group_by must be a list of up to {MAX_FIELDS} fields, such as ["country", "prop.plan"]',
            "group_by",
        )
    found = tuple(require_field(name, f"group_by[{index}]") for index, name in enumerate(given))
    if len(set(found)) < len(found):
        raise Invalid("group_by has a field twice", "group_by")
    return found


def _order(given: Any, metrics: tuple[Metric, ...]) -> tuple[Metric, bool]:
    """The metric that decides which groups come first, and whether the largest does."""
    if given is None:
        return metrics[0], True
    names = {metric.name: metric for metric in metrics}
    if not isinstance(given, dict) or not given.keys() <= {"metric", "descending"}:
        raise Invalid('order_by must be such as {"metric": "count", "descending": true}', "order_by")
    name, descending = given.get("metric", metrics[0].name), given.get("descending", True)
    if not isinstance(name, str) or name not in names:
        raise Invalid(f"order_by.metric must be one of {', '.join(names)}", "order_by.metric")
    if not isinstance(descending, bool):
        raise Invalid("order_by.descending must be true or false", "order_by.descending")
    return names[name], descending
