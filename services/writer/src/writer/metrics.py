"""What the writer measures about itself; everything is counted per batch, not per event."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from eventrail.rejected.names import REASONS

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 10, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
_AGES = (0.1, 0.25, 0.5, 1, 2.5, 5, 6, 7.5, 10, 30, 60, 300, 3600, 86_400)


@dataclass(frozen=True)
class Metrics:
    """The catalogue; `metrics(registry)` makes it."""

    rows_inserted: Counter
    inserts: Counter
    insert_seconds: Histogram
    batch_rows: Histogram
    flushes: Counter
    waiting_events: Gauge
    waiting_bytes: Gauge
    duplicates: Counter
    erased: Counter
    erasures: Counter
    erasure_oldest: Gauge
    rejected: Counter
    retries: Counter
    commits: Counter
    expired: Counter
    lag: Gauge
    age_seconds: Histogram
    waiting: Gauge


def metrics(registry: CollectorRegistry) -> Metrics:
    """Every metric of the writer, registered in `registry`; may be called once per registry."""

    def counter(name: str, text: str, *labels: str) -> Counter:
        return Counter(f"eventrail_writer_{name}", text, labels, registry=registry)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"eventrail_writer_{name}", text, labels, registry=registry)

    def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"eventrail_writer_{name}", text, buckets=buckets, registry=registry)

    made = Metrics(
        rows_inserted=counter("rows_inserted_total", "Rows that the engine acknowledged."),
        inserts=counter("inserts_total", "Blocks that the engine acknowledged."),
        insert_seconds=histogram(
            "insert_seconds",
            "Seconds from sending a block to its acknowledgement, one insert each.",
            _SECONDS,
        ),
        batch_rows=histogram("batch_rows", "Rows of each batch, after copies were dropped.", _ROWS),
        flushes=counter(
            "flushes_total", "Batches by why they were written: count, age, rebalance, stop.", "reason"
        ),
        waiting_events=gauge("waiting_events", "Events that were read and not handed to an insert yet."),
        waiting_bytes=gauge("waiting_bytes", "Bytes of the events that wait."),
        duplicates=counter(
            "duplicates_total", "Copies dropped because their event was written a moment ago."
        ),
        erased=counter(
            "erased_events_total", "Events that were deleted or not written because of an erasure."
        ),
        erasures=counter("erasures_total", "Erasures that this writer has carried out to their end."),
        erasure_oldest=gauge(
            "erasure_oldest_seconds",
            "Age of the oldest erasure that this writer has not carried out to its end, 0 where there is none.",
        ),
        rejected=counter("rejected_total", "Records put on the rejected topic, by reason.", "reason"),
        retries=counter("retries_total", "Tries that failed and are made again, by cause.", "cause"),
        commits=counter("commits_total", "Offset commits by outcome: ok, failed (tried again).", "outcome"),
        expired=counter(
            "expired_records_total",
            "Records that Kafka's retention removed before they were read: they are lost.",
        ),
        lag=gauge("lag_records", "Records of an assigned partition that are not committed yet.", "partition"),
        age_seconds=histogram(
            "age_seconds",
            "Seconds from a batch's earliest acceptance by the collector to its insert, one value per batch.",
            _AGES,
        ),
        waiting=gauge("waiting", "1 while the writer waits for this cause, else 0.", "cause"),
    )
    for reason in REASONS:
        made.rejected.labels(reason)
    return made
