"""What the canary tells: an outsider's view of the whole river."""

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 30, 60, 120, 300, 900, 3600)

OUTCOMES: Final = ("ok", "refused", "unreachable")


@dataclass(frozen=True)
class Metrics:
    """The catalogue; `metrics(registry)` makes it."""

    sent: Counter
    looks: Counter
    seconds: Histogram
    missing: Gauge
    lost: Counter
    repeated: Counter


def metrics(registry: CollectorRegistry) -> Metrics:
    """Every metric of the canary, registered in `registry`; may be called once per registry."""
    made = Metrics(
        sent=Counter(
            "eventrail_canary_events_total",
            "Events sent by outcome: ok (accepted), refused (another answer), unreachable (none in time).",
            ["outcome"],
            registry=registry,
        ),
        looks=Counter(
            "eventrail_canary_looks_total",
            "Looks at the query API's answers by outcome: ok, refused, unreachable.",
            ["outcome"],
            registry=registry,
        ),
        seconds=Histogram(
            "eventrail_canary_seconds",
            "Seconds from sending an event to the first answer that has it.",
            buckets=_SECONDS,
            registry=registry,
        ),
        missing=Gauge(
            "eventrail_canary_missing_events",
            "Events that were accepted and are in no answer after EVENTRAIL_CANARY_PATIENCE_SECONDS.",
            registry=registry,
        ),
        lost=Counter(
            "eventrail_canary_lost_events_total",
            "Events that were accepted and were in no answer for an hour: they are looked for no longer.",
            registry=registry,
        ),
        repeated=Counter(
            "eventrail_canary_repeated_events_total",
            "Looks in which an answer had one of the canary's events twice.",
            registry=registry,
        ),
    )
    for counter in (made.sent, made.looks):
        for outcome in OUTCOMES:
            counter.labels(outcome)
    return made
