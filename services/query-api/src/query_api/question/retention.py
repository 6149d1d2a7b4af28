"""Who comes back: `POST .../retention`. What exactly is counted: queries/retention.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from query_api.question.fields import COMMON_FIELDS, WAITING_FIELDS, choice, count, selection
from query_api.question.given import Given, from_document
from query_api.question.granularity import Buckets, buckets, week_start_of
from query_api.question.happenings import Happening, happening, require_few_filters
from query_api.question.selection import Context, Selection

SHARED_FIELDS: Final = (*COMMON_FIELDS, "week_start", *WAITING_FIELDS)
FIELDS: Final = (*SHARED_FIELDS, "granularity", "periods")
OWN: Final = ("start", "return")

GRANULARITIES: Final = ("day", "week", "month")
DEFAULT_PERIODS: Final = 7
MAX_PERIODS: Final = 31


@dataclass(frozen=True)
class RetentionQuestion:
    """Of those who begin with `start` in each bucket, how many do `returns` (None: anything) up to `periods` later."""

    selection: Selection
    start: Happening
    returns: Happening | None
    buckets: Buckets
    periods: int


def ask(document: Mapping[str, Any], context: Context) -> tuple[RetentionQuestion, Given]:
    """The question of a JSON body. Raises Invalid."""
    given = from_document(document, FIELDS, OWN)
    chosen = selection(given, context, event_type=None)
    start = happening(document.get("start"), "start")
    returns = happening(document["return"], "return") if "return" in document else None
    require_few_filters(chosen, [start, *([returns] if returns else [])])
    granularity, week_start = (
        choice(given, "granularity", GRANULARITIES),
        week_start_of(given.one("week_start")),
    )
    periods = count(given, "periods", DEFAULT_PERIODS, MAX_PERIODS)
    most = max(1, min(context.limits.points, context.limits.cells // (periods + 1)))
    return RetentionQuestion(
        chosen, start, returns, buckets(granularity, chosen.period, week_start, most), periods
    ), given
