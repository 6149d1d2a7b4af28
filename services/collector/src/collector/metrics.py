"""What the collector measures about itself: the catalogue."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from collector.sinks.backlog import Backlog
from eventrail import metrics

_SECONDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.012, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_BYTES = (256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576)


class Metrics:
    """Every figure of the collector, in a registry of its own (`registry`)."""

    def __init__(self) -> None:
        self.registry: CollectorRegistry = metrics.registry("collector")
        self.accepted = Counter(
            "eventrail_collector_events_accepted",
            "Events that were acknowledged by Kafka and answered with 202.",
            registry=self.registry,
        )
        self.refused = Counter(
            "eventrail_collector_events_refused",
            "Events that were not accepted, by code; a request refused as a whole counts as one.",
            ["code"],
            registry=self.registry,
        )
        self.requests = Counter(
            "eventrail_collector_requests",
            "Requests to the collect endpoint, by HTTP status.",
            ["status"],
            registry=self.registry,
        )
        self.publish_seconds = Histogram(
            "eventrail_collector_publish_seconds",
            "Seconds from handing a request's events to the sink until each has its fate.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.chunk_events = Histogram(
            "eventrail_collector_send_events",
            "Events in one send to one raw partition.",
            buckets=_COUNTS,
            registry=self.registry,
        )
        self.chunk_bytes = Histogram(
            "eventrail_collector_chunk_bytes",
            "Bytes of one chunk (RawEvents message) on the raw topic.",
            buckets=_BYTES,
            registry=self.registry,
        )
        self.requests_in_flight = Gauge(
            "eventrail_collector_requests_in_flight",
            "Requests to the collect endpoint that have no answer yet.",
            registry=self.registry,
        )
        self._queue_events = Gauge(
            "eventrail_collector_queue_events",
            "Events that were taken and wait for Kafka's acknowledgement.",
            registry=self.registry,
        )
        self._queue_bytes = Gauge(
            "eventrail_collector_queue_bytes",
            "Bytes of the events that wait for Kafka's acknowledgement.",
            registry=self.registry,
        )
        self._kafka_up = Gauge(
            "eventrail_collector_kafka_up",
            "1 while the collector has a connection to Kafka with the raw topic in order, else 0.",
            registry=self.registry,
        )

    def watch(self, backlog: Backlog, kafka_up: Callable[[], bool]) -> None:
        """Read queue depth and Kafka's state from their owners whenever the metrics are asked for."""
        self._queue_events.set_function(lambda: backlog.events)
        self._queue_bytes.set_function(lambda: backlog.bytes)
        self._kafka_up.set_function(lambda: float(kafka_up()))

    def sent(self, events: int, chunks: Sequence[bytes]) -> None:
        """One send of `events` in `chunks` has come to its end."""
        self.chunk_events.observe(events)
        for chunk in chunks:
            self.chunk_bytes.observe(len(chunk))
