"""What a survey says about each stage, and as the body of an answer. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eventrail.checkpoints import Offsets, Span, Spans
from eventrail.contract.codec import rfc3339
from eventrail.spools.reports import Spool
from query_api.progress.survey import Survey


@dataclass(frozen=True)
class Lag:
    """All that is known; without a `survey` nothing was found yet. `now_ms` and `data_through_ms` in Unix time."""

    now_ms: int
    survey: Survey | None = None
    data_through_ms: int | None = None
    held_by: tuple[str, ...] = ()


def answer(lag: Lag) -> dict[str, Any]:
    """The body of the answer."""
    found = lag.survey
    return {
        "data": {
            "as_of": _instant(found.at_ms if found else None),
            "data_through": _instant(lag.data_through_ms),
            "held_by": list(lag.held_by),
            "enricher": _stage(found.raw, found.enricher, found.enricher_at) if found else _NOTHING,
            "writer": _stage(found.enriched, found.writer, found.writer_at) if found else _NOTHING,
            "spools": _spools(found.spools, lag.now_ms) if found else [],
        }
    }


EXAMPLE = Lag(
    1_769_940_000_900,
    Survey(
        1_769_940_000_500,
        812,
        (Spool("5f0c2a9e71d3b846", "collector-0", 12, 1_769_940_000_100, 640),),
        {0: Span(0, 1200)},
        {0: 1200},
        {0: Span(0, 9100)},
        {0: 9000},
    ),
    1_769_939_880_000,
    ("collector spool 5f0c2a9e71d3b846 on collector-0: holds 12 events, its last report is 0 s old",),
)
"""For the documentation of the endpoint."""

_NOTHING: dict[str, Any] = {"lag": 0, "partitions": []}


def _instant(unix_ms: int | None) -> str | None:
    return None if unix_ms is None else rfc3339(unix_ms)


def _stage(spans: Spans, committed: Offsets, reached: Offsets) -> dict[str, Any]:
    partitions = [
        {"partition": at, "end": span.end, "committed": committed.get(at), "lag": _lag(span.end, reached[at])}
        for at, span in sorted(spans.items())
    ]
    return {"lag": sum(_lag(span.end, reached[at]) for at, span in spans.items()), "partitions": partitions}


def _lag(end: int, reached: int) -> int:
    # The commits were asked for after the ends, and may have gone past them.
    return max(0, end - reached)


def _spools(spools: Iterable[Spool], now_ms: int) -> list[dict[str, Any]]:
    return [
        {
            "id": spool.id,
            "host": spool.host,
            "events": spool.events,
            "silent_seconds": silent_seconds(spool, now_ms),
        }
        for spool in sorted(spools, key=lambda one: one.id)
    ]


def silent_seconds(spool: Spool, now_ms: int) -> int:
    """Seconds since its last report, by the broker's clock and ours: for people alone."""
    return max(0, now_ms - spool.reported_ms) // 1000
