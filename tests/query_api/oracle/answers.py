"""The answers of the three endpoints of the spec, the slow and obvious way, over the events of oracle/events.py.

`meant` picks the events of a question (period, bots, filters); the others take these events and count. `rank` is the
order of all rankings: count descending, then the bytes of the text. Own arithmetic of time: a label is what the
clock on the wall says, found by walking over the period.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tests.query_api.oracle.events import Event
from tests.query_api.oracle.filters import Filter, fits, number_of, value_of

MINUTE_MS: Final = 60_000
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True)
class Span:
    """From `first_ms` to before `after_ms` in `zone`; `before_ms` is where the period before begins."""

    first_ms: int
    after_ms: int
    before_ms: int
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def previous(self) -> "Span":
        return Span(self.before_ms, self.first_ms, self.before_ms, self.zone)


def clock(at_ms: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(zone)


def meant(
    events: Iterable[Event],
    span: Span,
    filters: Sequence[Filter],
    left_out: Sequence[str],
    name: str | None = None,
) -> list[Event]:
    """The custom events of the span that fit, of one name or of all."""
    return [
        event
        for event in events
        if event.type == "custom"
        and span.first_ms <= event.timestamp_ms < span.after_ms
        and event.dimensions["bot"] not in left_out
        and name in (None, event.name)
        and fits(event, filters)
    ]


def rank(counts: Counter[Any]) -> list[tuple[Any, int]]:
    """By count descending, then by the bytes of the text (or of the texts of a tuple)."""

    def order(key: Any) -> Any:
        return [part.encode() for part in key] if isinstance(key, tuple) else key.encode()

    return sorted(counts.items(), key=lambda item: (-item[1], order(item[0])))


def visitors(events: Iterable[Event]) -> int:
    return len({event.dimensions["visitor_id"] for event in events} - {""})


def listed(
    now: Sequence[Event], before: Sequence[Event], include: Sequence[str], search: str
) -> list[dict[str, Any]]:
    """All entries of the list, before `limit` and `offset`."""

    def found(name: str) -> bool:
        return search.translate(_LOWER) in name.translate(_LOWER)

    counts = Counter(event.name for event in now if found(event.name))
    earlier = (
        Counter(event.name for event in before if found(event.name)) if "previous" in include else Counter()
    )
    for name in earlier:
        counts[name] += 0
    entries = []
    for name, count in rank(counts):
        entry: dict[str, Any] = {"event_name": name, "count": count}
        if "visitors" in include:
            entry["visitors"] = visitors(event for event in now if event.name == name)
        if "previous" in include:
            entry["previous"] = {"count": earlier[name]}
        entries.append(entry)
    return entries


def properties(events: Sequence[Event], values: int, search: str) -> list[dict[str, Any]]:
    """All entries of the properties, before `limit`."""
    found: dict[str, Counter[tuple[str, str]]] = {}
    for event in events:
        for key, (type_, text) in event.properties.items():
            if search.translate(_LOWER) in key.translate(_LOWER):
                found.setdefault(key, Counter())[text, type_] += 1
    totals = Counter({key: counts.total() for key, counts in found.items()})
    return [_key(key, found[key], values, len(events)) for key, _ in rank(totals)]


def _key(key: str, counts: Counter[tuple[str, str]], values: int, matched: int) -> dict[str, Any]:
    top = rank(counts)[:values]
    types: Counter[str] = Counter()
    for (_text, type_), count in counts.items():
        types[type_] += count
    entry: dict[str, Any] = {
        "property_key": key,
        "values": [{"value": text, "count": count, "type": type_} for (text, type_), count in top],
        "other": counts.total() - sum(count for _, count in top),
        "not_set": matched - counts.total(),
        "types": dict(types),
    }
    numbers = sorted(
        number for (text, type_), count in counts.items() for number in [number_of((type_, text))] * count
        if number is not None
    )  # fmt: skip
    return {**entry, "numbers": statistics(numbers)} if numbers else entry


def statistics(numbers: Sequence[float]) -> dict[str, float]:
    """Of numbers in ascending order."""
    return {
        "count": len(numbers),
        "sum": sum(numbers),
        "average": sum(numbers) / len(numbers),
        "min": numbers[0],
        "max": numbers[-1],
        **{f"p{percent}": percentile(numbers, percent) for percent in (50, 90, 95, 99)},
    }


def percentile(numbers: Sequence[float], percent: float) -> float:
    """With linear interpolation between the two nearest of `numbers`, which ascend."""
    place = (len(numbers) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(numbers) - 1)
    return numbers[low] + (numbers[high] - numbers[low]) * (place - low)


def label(at_ms: int, zone: ZoneInfo, granularity: str, week_start: str = "monday") -> str:
    """The name of the step that a moment is in."""
    if granularity in ("minute", "hour"):
        return _written(_step(at_ms, zone, granularity), zone)
    day = clock(at_ms, zone).date()
    if granularity == "week":
        first = {"monday": 0, "sunday": 6}[week_start]
        day -= timedelta(days=(day.weekday() - first) % 7)
    return str(day.replace(day=1) if granularity == "month" else day)


def _step(at_ms: int, zone: ZoneInfo, granularity: str) -> int:
    """The first moment of a minute or an hour: back to where the wall clock shows another one."""
    at_ms -= at_ms % MINUTE_MS
    if granularity == "minute":
        return at_ms
    now = clock(at_ms, zone)
    while True:
        earlier = clock(at_ms - MINUTE_MS, zone)
        if (earlier.date(), earlier.hour, earlier.utcoffset()) != (now.date(), now.hour, now.utcoffset()):
            return at_ms
        at_ms -= MINUTE_MS


def _written(at_ms: int, zone: ZoneInfo) -> str:
    text = clock(at_ms, zone).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z") if zone.key == "UTC" else text


def labels(span: Span, granularity: str, week_start: str) -> list[str]:
    """The names of all steps that the span touches, in order."""
    return list(
        dict.fromkeys(label(at, span.zone, granularity, week_start) for at in _walk(span, granularity))
    )


def _walk(span: Span, granularity: str) -> Iterator[int]:
    stride = MINUTE_MS if granularity == "minute" else 30 * MINUTE_MS
    yield span.first_ms
    yield from range(span.first_ms - span.first_ms % stride + stride, span.after_ms, stride)
    yield span.after_ms - 1


def series(
    events: Sequence[Event], span: Span, granularity: str, week_start: str, *, with_visitors: bool
) -> list[dict[str, Any]]:
    """One point per step."""
    steps: dict[str, list[Event]] = {name: [] for name in labels(span, granularity, week_start)}
    for event in events:
        steps[label(event.timestamp_ms, span.zone, granularity, week_start)].append(event)
    return [
        {"date": name, "count": len(found), **({"visitors": visitors(found)} if with_visitors else {})}
        for name, found in steps.items()
    ]


def groups(events: Sequence[Event], name: str, limit: int) -> list[tuple[dict[str, Any], list[Event]]]:
    """Events by the value of a field: how an answer tells the value, and its events; the rest as `other`."""
    found: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        value = value_of(event, name)
        found.setdefault((value[1], value[0]) if value else ("", ""), []).append(event)
    ranking = [value for value, _ in rank(Counter({value: len(members) for value, members in found.items()}))]
    told = [
        ({"value": text if type_ else None, "type": type_ or None}, found[text, type_])
        for text, type_ in ranking[:limit]
    ]
    rest = [event for value in ranking[limit:] for event in found[value]]
    return [*told, ({"value": None, "type": "other"}, rest)] if rest else told
