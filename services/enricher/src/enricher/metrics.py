"""Everything that the enricher measures, counted per chunk."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from eventrail import metrics
from eventrail.rejected.names import REASONS

_AGES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400)


class Metrics:
    """The catalogue; `registry` is what /metrics shows."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or metrics.registry("enricher")
        self._count_events()
        self._measure_chunks()
        self._watch_state()

    def _count_events(self) -> None:
        self.events_in = Counter(
            "eventrail_enricher_events_in_total",
            "Events read from the raw topic and done with (copies after a replay count again).",
            registry=self.registry,
        )
        self.events_out = Counter(
            "eventrail_enricher_events_out_total",
            "Events acknowledged on the enriched topic.",
            registry=self.registry,
        )
        self.rejected = Counter(
            "eventrail_enricher_rejected_total",
            "Records and events acknowledged on the rejected topic, by reason.",
            ["reason"],
            registry=self.registry,
        )
        for reason in REASONS:
            self.rejected.labels(reason)
        self.expired = Counter(
            "eventrail_enricher_expired_records_total",
            "Raw records that Kafka removed before they were read. Any is a loss.",
            registry=self.registry,
        )

    def _measure_chunks(self) -> None:
        self.chunk_events = Histogram(
            "eventrail_enricher_chunk_events",
            "Events in one record of the raw topic.",
            buckets=(1, 2, 5, 10, 25, 50, 100, 250, 1000),
            registry=self.registry,
        )
        self.batch_seconds = Histogram(
            "eventrail_enricher_batch_seconds",
            "Seconds from taking a batch of raw records to the acknowledgement of all that came of it.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30),
            registry=self.registry,
        )
        self.age_seconds = Histogram(
            "eventrail_enricher_age_seconds",
            "Seconds from the acceptance of a batch's oldest raw record to its acknowledgement, one value per batch.",
            buckets=_AGES,
            registry=self.registry,
        )
        self.commits = Counter(
            "eventrail_enricher_commits_total",
            "Offset commits by outcome: ok, refused (the partitions are another worker's by now).",
            ["outcome"],
            registry=self.registry,
        )
        self.gaps = Counter(
            "eventrail_enricher_gaps_total",
            "Times that records were missing between two offsets and were read again.",
            registry=self.registry,
        )

    def _watch_state(self) -> None:
        self.lag = Gauge(
            "eventrail_enricher_lag_records",
            "Raw records of a partition that are not done yet.",
            ["partition"],
            registry=self.registry,
        )
        self.sessions = Gauge(
            "eventrail_enricher_sessions",
            "Session states in memory.",
            registry=self.registry,
        )
        self.salts = Gauge(
            "eventrail_enricher_salts",
            "Salts of days that are in memory; below 3 some day has none, and its events wait.",
            registry=self.registry,
        )
        self.salts_overdue = Gauge(
            "eventrail_enricher_salts_overdue",
            "Salts whose time is over and that are still on the broker's disk (seen by the worker that leads).",
            registry=self.registry,
        )
        self.geo_built = Gauge(
            "eventrail_enricher_geo_database_build_time_seconds",
            "Unix time at which the GeoIP database in use was built; 0 while there is none.",
            registry=self.registry,
        )
        self.geo_failures = Counter(
            "eventrail_enricher_geo_failures_total",
            "Failures with the GeoIP database: a version that could not be used (file), damaged data met (lookup).",
            ["what"],
            registry=self.registry,
        )
        for what in ("file", "lookup"):
            self.geo_failures.labels(what)
        self.waiting = Gauge(
            "eventrail_enricher_waiting",
            "1 while the stream waits for this cause, else 0.",
            ["cause"],
            registry=self.registry,
        )
