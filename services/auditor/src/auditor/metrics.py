"""What the auditor tells: the ledger's figures, and how it does itself."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from eventrail.contract import topics

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


@dataclass(frozen=True)
class Metrics:
    """The catalogue; `metrics(registry)` makes it."""

    unaccounted: Gauge
    ledger_events: Gauge
    lag: Gauge
    read: Counter
    unread: Counter
    expired: Counter
    passes: Counter
    pass_seconds: Histogram
    audited: Counter
    settled_age: Gauge
    minutes: Gauge
    waiting: Gauge


def metrics(registry: CollectorRegistry) -> Metrics:
    """Every metric of the auditor, registered in `registry`; may be called once per registry."""

    def counter(name: str, text: str, *labels: str) -> Counter:
        return Counter(f"eventrail_auditor_{name}", text, labels, registry=registry)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=registry)

    made = Metrics(
        unaccounted=gauge(
            "eventrail_unaccounted_events",
            "Accepted events of which nobody can tell what became of them, over all minutes that are known. "
            "Anything but 0 needs a person.",
        ),
        ledger_events=gauge(
            "eventrail_ledger_events",
            "Events of the recent minutes by stage and outcome.",
            "stage",
            "outcome",
        ),
        lag=gauge(
            "eventrail_auditor_lag_records", "Records of a topic that the ledger does not hold yet.", "topic"
        ),
        read=counter("read_events_total", "Events and rejections put into the ledger, by topic.", "topic"),
        unread=counter(
            "unread_records_total",
            "Records that were removed before the auditor read them: the ledger does not know them.",
            "topic",
        ),
        expired=counter(
            "expired_records_total",
            "Records that Kafka removed before the group that needed them had read them: they are lost.",
            "topic",
        ),
        passes=counter("passes_total", "Passes by outcome: done, failed (tried again).", "outcome"),
        pass_seconds=Histogram(
            "eventrail_auditor_pass_seconds", "Seconds of one pass.", buckets=_SECONDS, registry=registry
        ),
        audited=counter("audited_events_total", "Events looked up, each time that they were."),
        settled_age=gauge(
            "eventrail_auditor_settled_age_seconds",
            "Seconds since the moment up to which every event is settled (0 before the first one).",
        ),
        minutes=gauge("eventrail_auditor_minutes", "Minutes of acceptance that are looked at in turn."),
        waiting=gauge(
            "eventrail_auditor_waiting", "1 while the auditor waits for this cause, else 0.", "cause"
        ),
    )
    for topic in (topics.RAW.name, topics.ENRICHED.name):
        made.expired.labels(topic)
    return made
