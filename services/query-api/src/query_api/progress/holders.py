"""What keeps `data_through` from moving on, in words. Pure."""

from collections.abc import Mapping, Sequence

from eventrail.checkpoints import Spans
from eventrail.spools.reports import Spool
from query_api.progress.lag import silent_seconds
from query_api.progress.tracker import Tracker


def holders(tracker: Tracker, now_ms: int) -> tuple[str, ...]:
    """A line for each stage and spool for which the oldest moment waits; `now_ms` in Unix time."""
    found = tracker.last
    if found is None:
        return ()
    lines = [_spool(spool, now_ms) for spool in tracker.holding_spools()]
    lines += _stage("enricher", tracker.holding_raw(), found.raw, found.enricher_at)
    lines += _stage("writer", tracker.holding_enriched(), found.enriched, found.writer_at)
    return tuple(lines)


def _stage(who: str, waiting: Sequence[int], spans: Spans, reached: Mapping[int, int]) -> list[str]:
    behind = {at: spans[at].end - reached[at] for at in waiting}
    if not behind:
        return []
    worst = max(behind, key=lambda at: behind[at])
    line = f"{who}: partition {worst} is {behind[worst]:,} {_records(behind[worst])} behind"
    if len(behind) > 1:
        line += f", {len(behind)} partitions together {sum(behind.values()):,}"
    return [line]


def _records(count: int) -> str:
    return "record" if count == 1 else "records"


def _spool(spool: Spool, now_ms: int) -> str:
    where = f"collector spool {spool.id}" + (f" on {spool.host}" if spool.host else "")
    if spool.events is None:
        held = "its report cannot be read"
    else:
        held = f"holds {spool.events:,} events" if spool.events else "was empty"
    return f"{where}: {held}, its last report is {silent_seconds(spool, now_ms):,} s old"
